CREATE TABLE conversations(
      id STRING PRIMARY KEY ASC,
      json TEXT,
      active_at INTEGER,
      type STRING,
      members TEXT,
      name TEXT,
      profileName TEXT
    , profileFamilyName TEXT, profileFullName TEXT, e164 TEXT);
CREATE TABLE messages(
        rowid INTEGER PRIMARY KEY ASC,
        id STRING UNIQUE,
        json TEXT,
        readStatus INTEGER,
        expires_at INTEGER,
        sent_at INTEGER,
        conversationId STRING,
        hasAttachments INTEGER DEFAULT 0 NOT NULL,
        isErased INTEGER,
        expireTimer INTEGER,
        isStory INTEGER
          GENERATED ALWAYS AS (type IS 'story'),
        type STRING
      , isChangeCreatedByUs INTEGER NOT NULL DEFAULT 0, shouldAffectActivity INTEGER
        GENERATED ALWAYS AS (
          type IS NULL
          OR
          type NOT IN (
            'change-number-notification',
            'group-v1-migration', -- old
            'keychange'
          )
        ));
CREATE TABLE reactions(
        conversationId STRING,
        emoji STRING,
        fromId STRING,
        messageReceivedAt INTEGER,
        targetTimestamp NUMBER,
        unread INTEGER
      , messageId STRING);
CREATE TABLE storyDistributionMembers(
        listId STRING NOT NULL REFERENCES storyDistributions(id)
          ON DELETE CASCADE
          ON UPDATE CASCADE,
        serviceId STRING NOT NULL,

        PRIMARY KEY (listId, serviceId)
      );
CREATE TABLE sticker_references(
        messageId STRING,
        packId TEXT,
        CONSTRAINT sticker_references_fk
          FOREIGN KEY(packId)
          REFERENCES sticker_packs(id)
          ON DELETE CASCADE
      );
CREATE TABLE thread (_id INTEGER PRIMARY KEY AUTOINCREMENT, date INTEGER DEFAULT 0, recipient_id INTEGER NOT NULL UNIQUE REFERENCES recipient (_id) ON DELETE CASCADE, read INTEGER DEFAULT 1, snippet TEXT DEFAULT NULL, pinned INTEGER UNIQUE DEFAULT NULL);
CREATE TABLE recipient (_id INTEGER PRIMARY KEY AUTOINCREMENT, e164 TEXT UNIQUE DEFAULT NULL, message_ringtone TEXT DEFAULT NULL, mute_until INTEGER DEFAULT 0, registered INTEGER DEFAULT 0, extras BLOB DEFAULT NULL);
CREATE TABLE chat_message_join (chat_id INTEGER REFERENCES chat (ROWID) ON DELETE CASCADE, message_id INTEGER REFERENCES message (ROWID) ON DELETE CASCADE, message_date INTEGER DEFAULT 0, PRIMARY KEY (chat_id, message_id));
CREATE TABLE message (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, text TEXT, replace INTEGER DEFAULT 0, service_center TEXT, handle_id INTEGER DEFAULT 0, is_from_me INTEGER DEFAULT 0);
CREATE TABLE handle (ROWID INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, id TEXT NOT NULL, country TEXT, service TEXT NOT NULL, uncanonicalized_id TEXT, UNIQUE (id, service) );
CREATE INDEX messages_unread ON messages (conversationId, readStatus, isStory) WHERE readStatus IS NOT NULL;
CREATE INDEX messages_call ON messages (type, json ->> '$.callId') WHERE type IS 'call';
CREATE UNIQUE INDEX reactions_unique_index ON reactions (emoji, fromId, targetTimestamp);
CREATE TRIGGER messages_on_view_once_update AFTER UPDATE ON messages WHEN new.hasAttachments IS NOT old.hasAttachments AND new.json LIKE '%"isViewOnce":true%' BEGIN DELETE FROM reactions WHERE messageId IS old.id; SELECT CASE WHEN new.id IS NULL THEN RAISE(ABORT, 'no id; stop') END; END;
CREATE TRIGGER update_chat AFTER INSERT ON chat_message_join BEGIN UPDATE message SET replace = 0 WHERE ROWID = new.message_id; END;

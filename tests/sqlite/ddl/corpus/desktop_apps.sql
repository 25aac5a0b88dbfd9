CREATE TABLE authors ( id   INTEGER PRIMARY KEY,
                              name TEXT NOT NULL COLLATE NOCASE,
                              sort TEXT COLLATE NOCASE,
                              link TEXT NOT NULL DEFAULT '',
                              UNIQUE(name)
                             );
CREATE TABLE books ( id      INTEGER PRIMARY KEY AUTOINCREMENT,
                             title     TEXT NOT NULL DEFAULT 'Unknown' COLLATE NOCASE,
                             sort      TEXT COLLATE NOCASE,
                             timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                             pubdate   TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                             series_index REAL NOT NULL DEFAULT 1.0,
                             author_sort TEXT COLLATE NOCASE,
                             isbn TEXT DEFAULT "" COLLATE NOCASE,
                             flags INTEGER NOT NULL DEFAULT 1,
                             uuid TEXT,
                             has_cover BOOL DEFAULT 0,
                             last_modified TIMESTAMP NOT NULL DEFAULT "2000-01-01 00:00:00+00:00");
CREATE TABLE books_authors_link ( id INTEGER PRIMARY KEY,
                                          book INTEGER NOT NULL,
                                          author INTEGER NOT NULL,
                                          UNIQUE(book, author)
                                        );
CREATE TABLE identifiers  ( id     INTEGER PRIMARY KEY,
                                    book   INTEGER NOT NULL,
                                    type   TEXT NOT NULL DEFAULT "isbn" COLLATE NOCASE,
                                    val    TEXT NOT NULL COLLATE NOCASE,
                                    UNIQUE(book, type)
        );
CREATE TABLE conversion_options ( id INTEGER PRIMARY KEY,
                                          format TEXT NOT NULL COLLATE NOCASE,
                                          book INTEGER,
                                          data BLOB NOT NULL,
                                          UNIQUE(format,book)
                                        );
CREATE TRIGGER books_delete_trg
            AFTER DELETE ON books
            BEGIN
                DELETE FROM books_authors_link WHERE book=OLD.id;
                DELETE FROM conversion_options WHERE book=OLD.id AND format IN ('PIPE','pipe');
            END;
CREATE TRIGGER books_insert_trg AFTER INSERT ON books
        BEGIN
            UPDATE books SET sort=title,uuid=hex(randomblob(16)) WHERE id=NEW.id;
        END;
CREATE TRIGGER fkc_insert_books_authors_link
        BEFORE INSERT ON books_authors_link
        BEGIN
          SELECT CASE
              WHEN (SELECT id from books WHERE id=NEW.book) IS NULL
              THEN RAISE(ABORT, 'Foreign key violation: book not in books')
              WHEN (SELECT id from authors WHERE id=NEW.author) IS NULL
              THEN RAISE(ABORT, 'Foreign key violation: author not in authors')
          END;
        END;
CREATE INDEX authors_idx ON books (author_sort COLLATE NOCASE);
CREATE VIEW meta AS
        SELECT id, title,
               (SELECT name FROM authors WHERE authors.id IN (SELECT author from books_authors_link WHERE book=books.id)) authors,
               sort
        FROM books;
CREATE TABLE items (
    itemID INTEGER PRIMARY KEY,
    itemTypeID INT NOT NULL,
    dateAdded TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    dateModified TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    libraryID INT NOT NULL,
    key TEXT NOT NULL,
    version INT NOT NULL DEFAULT 0,
    synced INT NOT NULL DEFAULT 0,
    UNIQUE (libraryID, key),
    FOREIGN KEY (libraryID) REFERENCES libraries(libraryID) ON DELETE CASCADE
);
CREATE TABLE itemAttachments (
    itemID INTEGER PRIMARY KEY,
    parentItemID INT,
    linkMode INT,
    storageHash TEXT,
    FOREIGN KEY (itemID) REFERENCES items(itemID) ON DELETE CASCADE,
    FOREIGN KEY (parentItemID) REFERENCES items(itemID) ON DELETE CASCADE
);
CREATE TABLE itemTags (
    itemID INT NOT NULL,
    tagID INT NOT NULL,
    type INT NOT NULL,
    PRIMARY KEY (itemID, tagID),
    FOREIGN KEY (itemID) REFERENCES items(itemID) ON DELETE CASCADE
);
CREATE TRIGGER fki_itemAttachments
  BEFORE INSERT ON itemAttachments
  FOR EACH ROW BEGIN
    SELECT RAISE(ABORT, 'item itemID cannot be the same as parentItemID')
    WHERE NEW.parentItemID IS NOT NULL AND NEW.itemID = NEW.parentItemID; ---
END;
CREATE TABLE library (
        id INTEGER primary key AUTOINCREMENT,
        artist varchar(64), title varchar(64),
        year varchar(16), duration float,
        bitrate integer, samplerate integer,
        cuepoint integer, bpm float,
        wavesummaryhex blob,
        channels integer, datetime_added DEFAULT CURRENT_TIMESTAMP, mixxx_deleted integer, played integer, filetype varchar(8) DEFAULT "?", replaygain float DEFAULT 0, rating INTEGER DEFAULT 0, keys BLOB);
CREATE TABLE cues (
        id integer PRIMARY KEY AUTOINCREMENT,
        track_id integer NOT NULL REFERENCES library(id),
        type integer DEFAULT 0 NOT NULL,
        position integer DEFAULT -1 NOT NULL,
        label text DEFAULT '' NOT NULL,
        color INTEGER DEFAULT 4294901760 NOT NULL);
CREATE TABLE ZPERSON ( Z_PK INTEGER PRIMARY KEY, Z_ENT INTEGER, Z_OPT INTEGER, ZHOUSEHOLD INTEGER, ZBIRTHDAY TIMESTAMP, ZNAME VARCHAR, ZUUID BLOB );
CREATE TABLE Z_PRIMARYKEY (Z_ENT INTEGER PRIMARY KEY, Z_NAME VARCHAR, Z_SUPER INTEGER, Z_MAX INTEGER);
CREATE INDEX ZPERSON_ZHOUSEHOLD_INDEX ON ZPERSON (ZHOUSEHOLD);
CREATE INDEX Z_Person_byName ON ZPERSON (ZNAME COLLATE BINARY ASC, ZBIRTHDAY COLLATE BINARY DESC);
CREATE TABLE "Library_Albums" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "title" varchar(255), "title_sort" varchar(255) collate ICU, "hash" varchar(255), "deleted_at" dt_integer(8), "rating" float, 'index' integer);
CREATE TABLE movie ( idMovie integer primary key, idFile integer, c00 text, c01 text, c23 text, idSet integer, userrating integer, premiered text);
CREATE UNIQUE INDEX ix_movie_file_1 ON movie (idFile, idMovie);
CREATE VIEW movie_view AS SELECT  movie.*,  (c00 || ' (' || premiered || ')') AS strTitle FROM movie;
CREATE TRIGGER delete_movie AFTER DELETE ON movie FOR EACH ROW BEGIN DELETE FROM cues WHERE track_id=old.idMovie AND type='movie'; END;
CREATE TRIGGER view_insert INSTEAD OF INSERT ON movie_view BEGIN INSERT INTO movie(c00) VALUES (new.c00); END;

CREATE TABLE blob(
  rid INTEGER PRIMARY KEY,        -- Record ID
  rcvid INTEGER,                  -- Origin of this record
  size INTEGER,                   -- Size of content. -1 for a phantom.
  uuid TEXT UNIQUE NOT NULL,      -- hash of the content
  content BLOB,                   -- Compressed content of this record
  CHECK( length(uuid)>=40 AND rid>0 )
);
CREATE TABLE delta(
  rid INTEGER PRIMARY KEY,                 -- BLOB that is delta-compressed
  srcid INTEGER NOT NULL REFERENCES blob   -- Baseline for delta-compression
);
CREATE TABLE rcvfrom(
  rcvid INTEGER PRIMARY KEY,      -- Received-From ID
  uid INTEGER REFERENCES user,    -- User login
  mtime DATETIME,                 -- Time of receipt.  Julian day.
  nonce TEXT UNIQUE,              -- Nonce used for login
  ipaddr TEXT                     -- Remote IP address.  NULL for direct.
);
CREATE TABLE user(
  uid INTEGER PRIMARY KEY,        -- User ID
  login TEXT UNIQUE,              -- login name of the user
  pw TEXT,                        -- password
  cap TEXT,                       -- Capabilities of this user
  cexpire DATETIME,               -- Time when cookie expires
  photo BLOB                      -- JPEG image of this user
, jx TEXT DEFAULT '{}');
CREATE TABLE config(
  name TEXT PRIMARY KEY NOT NULL,  -- Primary name of the entry
  value CLOB,                      -- Content of the named parameter
  mtime DATE,                      -- last modified.  seconds since 1970
  CHECK( typeof(name)='text' AND length(name)>=1 )
) WITHOUT ROWID;
CREATE TABLE shun(uuid UNIQUE, mtime, scom);
CREATE TABLE concealed(hash TEXT PRIMARY KEY, content TEXT, mtime INTEGER) ;
CREATE TABLE event(
  type TEXT,                      -- Type of event: ci, e, f, g, t, w
  mtime DATETIME,                 -- Time of occurrence. Julian day.
  objid INTEGER PRIMARY KEY,      -- Associated record ID
  uid INTEGER REFERENCES user,    -- User who caused the event
  omtime DATETIME                 -- Original unchanged date+time, or NULL
);
CREATE TABLE tagxref(
  tagid INTEGER REFERENCES tag,   -- The tag that was added or removed
  tagtype INTEGER,                -- 0:-,cancel  1:+,single  2:*,propagate
  value TEXT,                     -- Value of the tag.  Might be NULL.
  rid INTEGER REFERENCE blob,     -- Artifact that tag is applied to
  UNIQUE(rid, tagid)
);
CREATE TABLE mlink(
  mid INTEGER,                       -- Check-in that contains fid
  fid INTEGER,                       -- New file content RID. 0 if deleted
  isaux BOOLEAN DEFAULT 0            -- TRUE if pmid is the primary
);
CREATE TABLE plink(
  pid INTEGER REFERENCES blob,
  cid INTEGER REFERENCES blob,
  isprim BOOLEAN,
  UNIQUE(pid, cid)
);
CREATE TABLE ticket(
  -- Do not change any column that begins with tkt_
  tkt_id INTEGER PRIMARY KEY,
  tkt_uuid TEXT UNIQUE,
  tkt_mtime DATE,
  -- Add as many fields as required below this line
  type TEXT,
  status TEXT,
  severity TEXT -- last
  -- trailing remark
);
CREATE INDEX delta_i1 ON delta(srcid);
CREATE INDEX mlink_i1 ON mlink(mid);
CREATE VIEW artifact(rid, rcvid, size, atype) AS SELECT blob.rid, rcvid, size, 1 FROM blob LEFT JOIN delta ON (blob.rid=delta.rid);

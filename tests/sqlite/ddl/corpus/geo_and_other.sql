CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL,srs_id INTEGER NOT NULL PRIMARY KEY,organization TEXT NOT NULL,organization_coordsys_id INTEGER NOT NULL,definition  TEXT NOT NULL,description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY,data_type TEXT NOT NULL,identifier TEXT UNIQUE,description TEXT DEFAULT '',last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),min_x DOUBLE, srs_id INTEGER,CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL,column_name TEXT NOT NULL,geometry_type_name TEXT NOT NULL,srs_id INTEGER NOT NULL,z TINYINT NOT NULL,m TINYINT NOT NULL,CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),CONSTRAINT uk_gc_table_name UNIQUE (table_name),CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name));
CREATE TABLE "roads" ( "fid" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "geom" MULTILINESTRING, "name" TEXT(80), "lanes" MEDIUMINT, "open" BOOLEAN);
CREATE TABLE gpkg_tile_matrix (table_name TEXT NOT NULL,zoom_level INTEGER NOT NULL,pixel_x_size DOUBLE NOT NULL,CONSTRAINT pk_ttm PRIMARY KEY (table_name, zoom_level));
CREATE TRIGGER 'gpkg_tile_matrix_zoom_level_insert' BEFORE INSERT ON 'gpkg_tile_matrix' FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'insert on table ''gpkg_tile_matrix'' violates constraint: zoom_level cannot be less than 0') WHERE (NEW.zoom_level < 0); END;
CREATE TRIGGER "gpkg_tile_matrix_zoom_level_update" BEFORE UPDATE of zoom_level, "pixel_x_size" ON "gpkg_tile_matrix" FOR EACH ROW WHEN NEW.zoom_level < 0 BEGIN SELECT RAISE(ABORT, 'no'); END;
CREATE TABLE metadata (name text, value text);
CREATE TABLE map (zoom_level INTEGER,tile_column INTEGER,tile_row INTEGER,tile_id TEXT,grid_id TEXT);
CREATE TABLE images (tile_data blob,tile_id text);
CREATE VIEW tiles AS SELECT map.zoom_level AS zoom_level, map.tile_column AS tile_column, images.tile_data AS tile_data FROM map JOIN images ON images.tile_id = map.tile_id;
CREATE UNIQUE INDEX map_index ON map (zoom_level, tile_column, tile_row);
CREATE TABLE Customers
(
    CustomerID NCHAR(5)  NOT NULL,
    CompanyName NVARCHAR(40)  NOT NULL,
    Fax NVARCHAR(24),
    PRIMARY KEY (CustomerID)
);
CREATE TABLE [Album]
(
    [AlbumId] INTEGER  NOT NULL,
    [Title] NVARCHAR(160)  NOT NULL,
    [ArtistId] INTEGER  NOT NULL,
    CONSTRAINT [PK_Album] PRIMARY KEY  ([AlbumId]),
    FOREIGN KEY ([ArtistId]) REFERENCES [Artist] ([ArtistId])
		ON DELETE NO ACTION ON UPDATE NO ACTION
);
CREATE INDEX [IFK_AlbumArtistId] ON [Album] ([ArtistId]);
CREATE TABLE [Order Details](
   [OrderID]INTEGER NOT NULL,
   [ProductID]INTEGER NOT NULL,
   [UnitPrice]NUMERIC NOT NULL DEFAULT 0,
   [Quantity]INTEGER NOT NULL DEFAULT 1,
   [Discount]REAL NOT NULL DEFAULT 0,
    PRIMARY KEY ("OrderID","ProductID"),
    CHECK ([Discount]>=(0) AND [Discount]<=(1)),
    CHECK ([Quantity]>(0)),
    FOREIGN KEY ([OrderID]) REFERENCES [Orders] ([OrderID])
		ON DELETE NO ACTION ON UPDATE NO ACTION
);
CREATE TABLE "Orders" ("OrderID" INTEGER NOT NULL PRIMARY KEY, "Freight" "money" NULL CONSTRAINT "DF_Orders_Freight" DEFAULT (0), "ShipName" nvarchar (40) NULL);
CREATE VIEW "Order Subtotals" AS SELECT "Order Details".OrderID, Sum("Order Details".UnitPrice*Quantity*(1-Discount)/100)*100 AS Subtotal FROM "Order Details" GROUP BY "Order Details".OrderID;
CREATE TABLE film (
  film_id int NOT NULL,
  title VARCHAR(255) NOT NULL,
  description BLOB SUB_TYPE TEXT DEFAULT NULL,
  rental_duration SMALLINT  DEFAULT 3 NOT NULL,
  rental_rate DECIMAL(4,2) DEFAULT 4.99 NOT NULL,
  rating VARCHAR(10) DEFAULT 'G',
  last_update TIMESTAMP NOT NULL,
  PRIMARY KEY  (film_id),
  CONSTRAINT CHECK_rating CHECK(rating is null or rating = '' or rating = 'G' or rating = 'PG-13')
  );
CREATE TRIGGER film_trigger_ai AFTER INSERT ON film
 BEGIN
  UPDATE film SET last_update = DATETIME('NOW')  WHERE rowid = new.rowid;
 END;
CREATE TABLE datapoints(sensor, at DATETIME, value, UNIQUE(sensor, at) ON CONFLICT IGNORE);
CREATE TABLE kv(k PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE log(msg, level DEFAULT info);
CREATE TABLE prices AS SELECT 1 AS a, 'x' AS "b c", 2.5 AS "group", x'00' AS d, CAST(1 AS DECIMAL(10)) AS e;
CREATE TABLE copy AS SELECT sensor, at, value, sensor || at AS joined_together_name, 1 AS another_rather_long_name, 2 AS one_more_long_name_to_break_lines FROM datapoints;

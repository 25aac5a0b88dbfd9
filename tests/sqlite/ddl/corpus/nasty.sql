CREATE TABLE t1(a,b,c);
CREATE TABLE"t2"("a""b"TEXT,`c``d`INT,[e f]REAL,'g''h'BLOB)/**/;
CREATE/**/TABLE t3/**/(/**/a/**/INTEGER/**/PRIMARY/**/KEY/**/,b/**/)/*end*/;
create table t4 ( -- (
  a int default(1)not null, -- it's , )
  b text default 'a,)--' /* ' */ check(b<>')'), /* )) */
  "check" unique -- last, (
  -- remark )
) ;
CREATE TABLE t5(a CONSTRAINT c1 CONSTRAINT c2 NOT NULL CONSTRAINT c3, b CONSTRAINT x, CONSTRAINT d1, CONSTRAINT d2 CONSTRAINT d3 UNIQUE(a) CHECK(b) CONSTRAINT d4 CONSTRAINT d5);
CREATE TABLE t6(a INT NOT NULL NOT NULL ON CONFLICT IGNORE NULL DEFAULT 1 DEFAULT 2 COLLATE nocase COLLATE binary UNIQUE UNIQUE CHECK(1) CHECK(2));
CREATE TABLE t7(a DEFAULT - 5, b DEFAULT + 'x', c DEFAULT (  1+1 ), d DEFAULT foo, e DEFAULT "q""r", f DEFAULT true, g DEFAULT current_date, h DEFAULT -current_time, i DEFAULT null, j DEFAULT indexed, k DEFAULT [z]);
CREATE TABLE t8(a DEFAULT x'00Ff', b DEFAULT X'', c DEFAULT .5, d DEFAULT 1., e DEFAULT 0x1F, f DEFAULT 1e5, g DEFAULT - 1.5E-10, h DEFAULT 9223372036854775808);
CREATE TABLE t9(integer, text text text, key key, "primary" primary key, abort, rowid_ row, end, like, match, "x");
CREATE TABLE t10(a REFERENCES 'p'('x') ON INSERT CASCADE ON DELETE SET DEFAULT ON DELETE RESTRICT MATCH full MATCH "simple" ON UPDATE NO ACTION NOT NULL NOT DEFERRABLE INITIALLY IMMEDIATE CHECK(a) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE t11(a, b, FOREIGN KEY(a,b) REFERENCES t11(b,a) DEFERRABLE CHECK(a<b)FOREIGN KEY('b')REFERENCES[t1]);
CREATE TABLE t12(a INTEGER, b, PRIMARY KEY(a DESC));
CREATE TABLE t13(a INTEGER PRIMARY KEY DESC, b);
CREATE TABLE t14(a INTEGER, PRIMARY KEY((a) AUTOINCREMENT));
CREATE TABLE t15(a INT PRIMARY KEY, b);
CREATE TABLE t16(a "INTEGER" PRIMARY KEY, b);
CREATE TABLE t17(a, b, c, UNIQUE('a' COLLATE nocase DESC, "b", ([c] COLLATE rtrim) ASC) ON CONFLICT ROLLBACK, UNIQUE(b), UNIQUE(b DESC), PRIMARY KEY(b));
CREATE TABLE t18(a PRIMARY KEY, b, UNIQUE(b, a)) WITHOUT ROWID;
CREATE TABLE t19(a, b, c, PRIMARY KEY(c, a)) without /* x */ rowid, WITHOUT ROWID -- twice
;
CREATE TABLE t20(a, b AS (a+1), c INT GENERATED ALWAYS AS (a || ')') STORED NOT NULL UNIQUE, d AS (b) VIRTUAL CHECK(d > 0), e generated always as (1));
CREATE TABLE t21(a NATIVE CHARACTER(70), b UNSIGNED BIG INT, c DOUBLE PRECISION(1,2), d VARCHAR ( +5 , - 2 ), e 'quoted type', f "a" b (3), g FLOATING POINT, h varchar /* why */ (10) /* after */ not null, i over (3), j filter, k within);
CREATE TABLE "größe"(größe TEXT, "ÄÖ" INT CHECK("ÄÖ" > 0), 表 TEXT DEFAULT '表', é CHECK(é<>'É'));
CREATE TABLE "CREATE TABLE x(a)"(a, "b -- c" CHECK("b -- c" NOT LIKE '/*'), "d)" DEFAULT ')');
CREATE TABLE t22(a CHECK(CASE a WHEN 1 THEN (2) ELSE ((3)) END), b CHECK(a IN (1,2) AND b NOT BETWEEN 1 AND 2 OR a->>'$.x' = 1 AND a->'y' IS NOT b), c CHECK(a<<1 >= b>>2 AND a<>b AND a!=b AND a==b AND ~a|b&c AND -a%2 <= +1));
CREATE TABLE t23(a CHECK(raise(abort,'x')), b CHECK("b" || 'it''s' || x'00' || 1.5e3 NOTNULL), c CHECK(c ISNULL OR c GLOB '[a-z]*'), CHECK(a) ON CONFLICT IGNORE);
CREATE TABLE t24(
  a
  ,b -- one
  ,c /* two
  */
  ,d
);
CREATE TABLE t25(a, b
, c, d INT DEFAULT 5 -- native
, e TEXT);
CREATE TABLE t26(a	INT,b INT
,PRIMARY KEY(a ASC,b DESC));
CREATE TABLE t27(a$1, _b, "9c", [d-e]);
CREATE TABLE sqlit_e(a) ;
CREATE TABLE temp(temp, temporary, view, trigger, virtual, without, strict, stored, always, generated);
CREATE TABLE t28(a default stored, b default virtual not null, c default always);
CREATE TABLE t29(a int /**/ -- c
  primary -- p
  key -- k
);
CREATE TABLE t30(a collate"nocase"unique,b default'x'not null,c check(c)check(c),d references t1(a)on delete cascade);
CREATE UNIQUE INDEX"i1"ON"t2"("a""b"COLLATE NOCASE DESC,`c``d`)WHERE[e f]IS NOT NULL;
CREATE INDEX i2 ON t4(a+b, (b), 'check', length("b" || ',') desc) where a > 0 and b like '%)%' -- end
;
CREATE INDEX i3 ON t22((CASE a WHEN b THEN c END) COLLATE nocase ASC, CAST(a AS "odd type"(3)));
CREATE INDEX [i 4] ON 't1'('a', b);
CREATE INDEX i5 ON t9(end, "like", key);
CREATE TRIGGER tr1 UPDATE OF a, "b", 'c' ON t1 WHEN new.a <> old.a OR new.b IN (SELECT abort FROM t9) BEGIN UPDATE t1 SET a = 'BEGIN; END;' WHERE b = "c"; END;
CREATE TRIGGER before BEFORE DELETE ON t1 BEGIN SELECT 1; END;
CREATE TRIGGER [tr 3] AFTER INSERT ON 't1' FOR EACH ROW BEGIN INSERT INTO 't4'(a) VALUES('t6'); INSERT OR REPLACE INTO t6 SELECT NULL; END;
CREATE TRIGGER tr4 DELETE ON t3 WHEN CASE WHEN old.b THEN 1 END BEGIN DELETE FROM t1; SELECT CASE 1 WHEN 1 THEN 2 END; END;
CREATE VIEW v1 AS SELECT t1.a, (SELECT count(*) FROM t4) AS n FROM t1 -- it's
;
CREATE VIEW "v 2"("x y", [z]) AS WITH c AS (SELECT a, b FROM t1) SELECT * FROM c;
CREATE VIEW v3 AS VALUES(1, 2);
CREATE TRIGGER tr5 INSTEAD OF UPDATE OF z ON "v 2" BEGIN SELECT 1; END;

"""A province of many physicians who have submitted, as SQL: for EXPLAIN and for measuring.

Two bodies, of which the first has four tenths; 400 institutions, of which one of its own has a fifth of all.
States, ages, categories, records and days of submission are spread as in the middle of a review.
"""

from uuid import UUID

PROVINCE = "hunan"
CYCLE, BODY, OTHER_BODY, STAFF = (UUID(int=number) for number in range(1, 5))
INSTITUTION = UUID(int=1001)
"""The large one."""

SETTLE = "VACUUM ANALYZE"
"""Afterwards, by itself: as a server in use does to its tables."""

FILL = """
SET synchronous_commit = off;
CREATE FUNCTION pg_temp.made_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN ('00000000-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid;
INSERT INTO province (id, name) VALUES ('hunan', '湖南省');
INSERT INTO body (id, province_id, name)
SELECT pg_temp.made_id(n), 'hunan', '考核机构' || n FROM generate_series(2, 3) AS n;
INSERT INTO institution (id, province_id, name)
SELECT pg_temp.made_id(1000 + n), 'hunan', '医院' || n FROM generate_series(1, 400) AS n;
INSERT INTO cycle (id, province_id, title, policy, tests_from, tests_until, opened_at)
VALUES (pg_temp.made_id(1), 'hunan', '本周期', '{{}}', '2026-05-11', '2026-05-20', '2026-01-01');
INSERT INTO cycle_institution (cycle_id, institution_id, body_id, province_id)
SELECT pg_temp.made_id(1), id, pg_temp.made_id(CASE WHEN right(name, 1) IN ('1', '2', '3') THEN 2 ELSE 3 END),
       'hunan'
FROM institution;
INSERT INTO account (id, province_id, role, name, username, created_at, body_id)
VALUES (pg_temp.made_id(4), 'hunan', 'body', '复核人员', 'reviewer', '2026-01-01', pg_temp.made_id(2));
CREATE TEMPORARY TABLE made AS
SELECT gen_random_uuid() AS account_id, gen_random_uuid() AS id, n,
       (ARRAY['王', '李', '张', '刘', '陈', '杨', '黄', '赵', '周', '吴'])[1 + n % 10] || '建国' || n AS name,
       pg_temp.made_id(CASE WHEN n % 5 = 0 THEN 1001 ELSE 1001 + n % 400 END) AS institution_id,
       (ARRAY['body_review', 'body_review', 'body_review', 'institution_review', 'institution_review',
              'registered', 'registered', 'returned', 'concluded', 'testing'])[1 + (n / 7) % 10] AS state
FROM generate_series(1, {physicians}) AS n;
ANALYZE made;
INSERT INTO account (id, province_id, role, name, document_hash, created_at)
SELECT account_id, 'hunan', 'physician', name, sha256(n::text::bytea), '2026-01-01' FROM made;
INSERT INTO roster_entry (account_id, province_id, institution_id, name, born_on, category, level,
                          licensed_on, first_registered_on, created_at)
SELECT account_id, 'hunan', institution_id, name, date '1962-01-01' + (n * 37) % 13000, 'clinical',
       'licensed', date '2000-01-01' + n % 8000, date '2000-01-01' + n % 8000, '2026-01-01'
FROM made;
INSERT INTO registration (id, province_id, cycle_id, account_id, institution_id, body_id, state, procedure,
                          category, level, created_at, submitted_at, has_bad_records, result, concluded_at)
SELECT made.id, 'hunan', pg_temp.made_id(1), account_id, made.institution_id, c.body_id, state,
       CASE WHEN n % 3 = 0 THEN 'simple' ELSE 'general' END,
       (ARRAY['clinical', 'clinical', 'clinical', 'dental', 'tcm', 'public_health'])[1 + n % 6],
       CASE WHEN n % 11 = 0 THEN 'assistant' ELSE 'licensed' END, '2026-04-01',
       timestamptz '2026-04-13 00:00+00' + n * interval '7 seconds', n % 97 = 0,
       CASE WHEN state = 'concluded' THEN 'passed' END,
       CASE WHEN state = 'concluded' THEN timestamptz '2026-05-01 00:00+00' END
FROM made JOIN cycle_institution c ON c.institution_id = made.institution_id;
INSERT INTO registration_review (id, registration_id, province_id, level, decision, reviewer_id, decided_at)
SELECT gen_random_uuid(), id, 'hunan', 'body', 'approved', pg_temp.made_id(4),
       timestamptz '2026-04-20 00:00+00' + n * interval '3 seconds'
FROM made WHERE state IN ('registered', 'testing', 'concluded');
"""

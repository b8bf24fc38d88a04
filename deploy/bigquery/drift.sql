-- What a day's tracks say, compared with those of the 28 days before: `tonearm drift` in BigQuery's own SQL.
-- Parameters: run_date, a DATE, which a scheduled query gets by itself, and tagger, a STRING; docs/bigquery.md
-- shows the call.
--
-- Scores of each tag, levels and lengths, by the rank test of Mann and Whitney: shift is from -1 (all tracks of
-- the day below those before) to 1, probability how often chance alone brings about as much. is_alarm is
-- judged by the rule of Bonferroni, and so a little stricter than by Holm's. Cuts, failures and all tags
-- together are left to `tonearm drift`.
WITH
  latest AS (  -- of a track's rows of one day, as after --retag, the latest counts
    SELECT ingest_date, tags, level_db, duration_s
    FROM track_tags
    WHERE ingest_date BETWEEN DATE_SUB(@run_date, INTERVAL 28 DAY) AND @run_date AND tagger = @tagger
    QUALIFY ROW_NUMBER() OVER (PARTITION BY ingest_date, track_id, generation ORDER BY analyzed_at DESC) = 1
  ),
  numbers AS (
    SELECT ingest_date = @run_date AS of_day, 'tag' AS watched, said.tag AS name, said.score AS number
    FROM latest, UNNEST(tags) AS said
    UNION ALL
    SELECT ingest_date = @run_date, 'level', '', level_db
    FROM latest
    WHERE level_db IS NOT NULL
    UNION ALL
    SELECT ingest_date = @run_date, 'duration', '', duration_s
    FROM latest
    WHERE duration_s IS NOT NULL
  ),
  counted AS (  -- equal numbers share the mean of their ranks
    SELECT
      watched,
      name,
      of_day,
      RANK() OVER (PARTITION BY watched, name ORDER BY number) AS from_below,
      RANK() OVER (PARTITION BY watched, name ORDER BY number DESC) AS from_above,
      COUNT(*) OVER (PARTITION BY watched, name) AS of_all
    FROM numbers
  ),
  summed AS (
    SELECT
      watched,
      name,
      CAST(COUNTIF(of_day) AS FLOAT64) AS tracks,
      CAST(COUNTIF(NOT of_day) AS FLOAT64) AS reference_tracks,
      SUM(IF(of_day, (from_below + of_all + 1 - from_above) / 2, 0)) AS ranks,
      SUM(POW(of_all + 2 - from_below - from_above, 2) - 1) AS ties
    FROM counted
    GROUP BY watched, name
  ),
  tested AS (
    SELECT
      watched,
      name,
      tracks,
      reference_tracks,
      ranks - tracks * (tracks + 1) / 2 AS wins,
      SQRT(GREATEST(0, tracks * reference_tracks / 12 * (
        tracks + reference_tracks + 1
        - ties / ((tracks + reference_tracks) * (tracks + reference_tracks - 1))
      ))) AS spread
    FROM summed
    WHERE tracks >= 20 AND reference_tracks >= 20
  ),
  placed AS (
    SELECT
      *,
      2 * wins / (tracks * reference_tracks) - 1 AS shift,
      IF(spread = 0, 0, GREATEST(ABS(wins - tracks * reference_tracks / 2) - 0.5, 0) / spread) / SQRT(2) AS far
    FROM tested
  ),
  judged AS (  -- the complementary error function to a relative 1.2e-7: Press et al., Numerical Recipes, 6.2
    SELECT
      watched,
      name,
      CAST(tracks AS INT64) AS tracks,
      CAST(reference_tracks AS INT64) AS reference_tracks,
      shift,
      LEAST(1, near * EXP(-far * far - 1.26551223 + near * (1.00002368 + near * (0.37409196
        + near * (0.09678418 + near * (-0.18628806 + near * (0.27886807 + near * (-1.13520398
        + near * (1.48851587 + near * (-0.82215223 + near * 0.17087277)))))))))) AS probability
    FROM (SELECT *, 1 / (1 + far / 2) AS near FROM placed)
  )
SELECT
  @run_date AS day,
  *,
  ABS(shift) >= 0.2 AND probability * COUNT(*) OVER () <= 0.0005 AS is_alarm
FROM judged
ORDER BY probability, watched, name

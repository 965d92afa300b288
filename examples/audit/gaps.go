package main

import "context"

// gap is a run of sequence numbers that are missing.
type gap struct {
	producer    string
	first, last int64
}

// selectGaps finds where a producer's numbers, which begin at 1, leave some out.
const selectGaps = `
SELECT producer_id, before + 1, sequence - 1 FROM (
	SELECT producer_id, sequence, lag(sequence, 1, 0) OVER (PARTITION BY producer_id ORDER BY sequence) AS before FROM events
) WHERE sequence > before + 1 ORDER BY 1, 2`

// gaps returns the runs of missing numbers, by producer and number, and how many numbers are missing in all. What a
// producer wrote after its highest number here cannot be known.
func (db database) gaps(ctx context.Context) (runs []gap, missing int64, err error) {
	rows, err := db.QueryContext(ctx, selectGaps)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var g gap
		if err := rows.Scan(&g.producer, &g.first, &g.last); err != nil {
			return nil, 0, err
		}
		runs = append(runs, g)
		missing += g.last - g.first + 1
	}
	return runs, missing, rows.Err()
}

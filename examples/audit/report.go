package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// table is a part of the report: events by something, most first.
type table struct {
	title string
	// query selects what the events are counted by, and a name for people, of each event.
	query string
}

func tables() []table {
	return []table{
		{"actor", "SELECT actor_id, coalesce(actor_name, '') FROM events"},
		{"action", "SELECT action, '' FROM events"},
		{"operation", "SELECT operation, '' FROM events"},
		{"outcome", "SELECT outcome, '' FROM events"},
		{"service", "SELECT source_service, '' FROM events"},
		{"source", "SELECT producer_id, '' FROM events"},
	}
}

// report prints what the database holds. The same events give the same text. It fails if sequence numbers are missing.
func report(ctx context.Context, path string, top int, out io.Writer) error {
	db, err := openDatabase(ctx, path, false)
	if err != nil {
		return err
	}
	defer db.Close()
	var total, first, last int64
	err = db.QueryRowContext(ctx, "SELECT count(*), coalesce(min(occurred_at), 0), coalesce(max(occurred_at), 0) FROM events").
		Scan(&total, &first, &last)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "events %d\n", total)
	if total > 0 {
		fmt.Fprintf(out, "from   %s\nto     %s\n", instant(first), instant(last))
	}
	for _, t := range tables() {
		if err := db.print(ctx, t, top, out); err != nil {
			return fmt.Errorf("events by %s: %w", t.title, err)
		}
	}
	return db.printGaps(ctx, out)
}

func instant(micros int64) string { return time.UnixMicro(micros).UTC().Format(layoutMicros) }

// print prints a table: count, value and name, with tabs between.
func (db database) print(ctx context.Context, t table, top int, out io.Writer) error {
	counts := "SELECT count(*) AS n, v, max(name) AS name FROM (SELECT '' AS v, '' AS name WHERE false UNION ALL " + t.query + ") GROUP BY v"
	var kinds, total int64
	if err := db.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(n), 0) FROM ("+counts+")").Scan(&kinds, &total); err != nil {
		return err
	}
	shown := kinds
	if top > 0 {
		shown = min(kinds, int64(top))
	}
	rows, err := db.QueryContext(ctx, counts+" ORDER BY n DESC, v LIMIT ?", shown)
	if err != nil {
		return err
	}
	defer rows.Close()
	fmt.Fprintf(out, "\nby %s (%d of %d)\n", t.title, shown, kinds)
	rest := total
	for rows.Next() {
		var n int64
		var v, name string
		if err := rows.Scan(&n, &v, &name); err != nil {
			return err
		}
		rest -= n
		if v == "" {
			v = "(none)"
		}
		fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("%9d\t%s\t%s", n, plain(v), plain(name)), "\t"))
	}
	if rest > 0 {
		fmt.Fprintf(out, "%9d\t(others)\n", rest)
	}
	fmt.Fprintf(out, "%9d\t(total)\n", total)
	return rows.Err()
}

// plain writes a text from outside so that it stays on its line and moves no cursor.
func plain(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// printGaps prints the sequence numbers that are missing, and those that came twice with different events.
func (db database) printGaps(ctx context.Context, out io.Writer) error {
	runs, missing, err := db.gaps(ctx)
	if err != nil {
		return err
	}
	var again int64
	err = db.QueryRowContext(ctx, "SELECT coalesce(sum(n - d), 0) FROM (SELECT count(*) AS n, count(DISTINCT sequence) AS d FROM events GROUP BY producer_id)").Scan(&again)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\ngaps %d\n", missing)
	for _, g := range runs {
		fmt.Fprintf(out, "%9d\t%s\t%d-%d\n", g.last-g.first+1, plain(g.producer), g.first, g.last)
	}
	if again > 0 {
		fmt.Fprintf(out, "numbers used by more than one event: %d (a log was replaced by another under its name)\n", again)
	}
	if missing > 0 {
		return fmt.Errorf("%d sequence numbers are missing", missing)
	}
	return nil
}

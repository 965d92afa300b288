package record

import (
	"fmt"
	"time"
)

// Rules are what a topic's configs ask of each record.
type Rules struct {
	// RequireKey refuses null keys (cleanup.policy=compact).
	RequireKey bool
	// Bound checks timestamps against Now, all in milliseconds. It is for topics that keep create times.
	Bound      bool
	Now        int64
	MaxBefore  int64 // message.timestamp.before.max.ms
	MaxAfter   int64 // message.timestamp.after.max.ms
	MaxReports int   // bounds Summary.Bad; 0 means 64
}

// Summary is what Check found.
type Summary struct {
	// MaxTimestamp is the largest timestamp of the records, -1 if none has one. A producer's header may say something
	// else; the broker corrects it (Batch.SetMaxTimestamp), because retention and look-ups by time go by it.
	MaxTimestamp int64
	// Bad describes the first records that break a rule, in order; BadCount is the number of all.
	Bad      []BadRecord
	BadCount int
}

// BadRecord is one record that breaks a rule.
type BadRecord struct {
	Index int
	Err   error // wraps ErrInvalid or ErrInvalidTimestamp
}

// Check parses every record of the batch to its last byte and holds it against the rules. An error (ErrCorrupt) means
// that the batch is malformed; records that break a rule are in the summary. A batch without bad records allocates
// nothing.
func (r *Records) Check(rules Rules) (Summary, error) {
	s := Summary{MaxTimestamp: -1}
	limit := rules.MaxReports
	if limit <= 0 {
		limit = 64
	}
	i := 0
	var rec Record
	err := r.walk(&rec, false, func(rec *Record) bool {
		s.MaxTimestamp = max(s.MaxTimestamp, rec.Timestamp)
		if err := rules.check(rec); err != nil {
			s.BadCount++
			if len(s.Bad) < limit {
				s.Bad = append(s.Bad, BadRecord{Index: i, Err: err})
			}
		}
		i++
		return true
	})
	if err != nil {
		return Summary{}, err
	}
	return s, nil
}

func (rules *Rules) check(rec *Record) error {
	if rules.RequireKey && rec.Key == nil {
		return fmt.Errorf("%w: no key, and the topic is compacted", ErrInvalid)
	}
	ts := rec.Timestamp
	if !rules.Bound || ts == -1 {
		return nil
	}
	if ts < -1 {
		return fmt.Errorf("%w: %d is negative", ErrInvalidTimestamp, ts)
	}
	// Neither ts nor Now is negative, so the differences cannot overflow.
	if rules.Now-ts > rules.MaxBefore {
		return fmt.Errorf("%w: %s is more than %d ms (message.timestamp.before.max.ms) before the broker's time",
			ErrInvalidTimestamp, printTime(ts), rules.MaxBefore)
	}
	if ts-rules.Now > rules.MaxAfter {
		return fmt.Errorf("%w: %s is more than %d ms (message.timestamp.after.max.ms) after the broker's time",
			ErrInvalidTimestamp, printTime(ts), rules.MaxAfter)
	}
	return nil
}

func printTime(ms int64) string {
	t := time.UnixMilli(ms).UTC()
	if t.Year() > 9999 {
		return fmt.Sprintf("%d", ms)
	}
	return t.Format("2006-01-02T15:04:05.000Z07:00")
}

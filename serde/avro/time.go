package avro

import (
	"fmt"
	"math"
	"time"
)

// The logical types of time (Avro specification, "Logical Types"). A time between two units becomes the unit before it, in
// the direction of the past, as other implementations of Avro do: a clock has nanoseconds and most schemas do not. So a
// decoded time is never later than the one that was encoded, and less than one unit earlier. A time that the type cannot
// hold is an *Error. Only date is exact: which day an instant belongs to is the caller's to say.
//
// date and local-timestamp-* have no time zone: a time.Time stands for what its clock shows in its own location, and
// decoding gives UTC. timestamp-* are instants; decoding gives UTC.

// DateOf returns the days from 1970-01-01 to the day of t, for date. t must be a midnight of its location.
func DateOf(t time.Time) (int32, error) {
	sec := wallSeconds(t)
	days := floorDiv(sec, 86400)
	if sec != days*86400 || t.Nanosecond() != 0 {
		return 0, valueError("a date must be a midnight, this is " + t.Format(time.RFC3339Nano))
	}
	if days < math.MinInt32 || days > math.MaxInt32 {
		return 0, valueError(fmt.Sprintf("a date must be within %d days of 1970, this is %d", math.MaxInt32, days))
	}
	return int32(days), nil
}

// DateTime returns the midnight, in UTC, that is so many days from 1970-01-01.
func DateTime(days int32) time.Time { return time.Unix(int64(days)*86400, 0).UTC() }

// TimeMillisOf returns the whole milliseconds of d, a time of day since midnight, for time-millis.
func TimeMillisOf(d time.Duration) (int32, error) {
	v, err := timeOfDay(d, time.Millisecond)
	return int32(v), err
}

// TimeMicrosOf returns the whole microseconds of d, a time of day since midnight, for time-micros.
func TimeMicrosOf(d time.Duration) (int64, error) { return timeOfDay(d, time.Microsecond) }

func timeOfDay(d, unit time.Duration) (int64, error) {
	if d < 0 || d >= 24*time.Hour {
		return 0, valueError("a time of day must be between 0 and 24 hours, this is " + d.String())
	}
	return int64(d / unit), nil
}

// TimestampMillisOf returns the milliseconds from 1970-01-01T00:00:00Z to the last one that is not after t, for
// timestamp-millis.
func TimestampMillisOf(t time.Time) (int64, error) {
	return timestamp(t, t.Unix(), 1000, "millisecond")
}

// TimestampMicrosOf returns the microseconds from 1970-01-01T00:00:00Z to the last one that is not after t, for
// timestamp-micros.
func TimestampMicrosOf(t time.Time) (int64, error) {
	sec, ns := t.Unix(), t.Nanosecond()
	const near = 1 << 42 // far from an overflow; most times are
	if -near < sec && sec < near {
		return sec*1_000_000 + int64(uint32(ns)/1000), nil
	}
	return timestamp(t, sec, 1_000_000, "microsecond")
}

// TimestampNanosOf returns the nanoseconds from 1970-01-01T00:00:00Z to t, for timestamp-nanos: 1677-09-21 to 2262-04-11.
func TimestampNanosOf(t time.Time) (int64, error) {
	return timestamp(t, t.Unix(), 1_000_000_000, "nanosecond")
}

// LocalTimestampMillisOf returns what TimestampMillisOf does for the clock of t taken as UTC.
func LocalTimestampMillisOf(t time.Time) (int64, error) {
	return timestamp(t, wallSeconds(t), 1000, "millisecond")
}

// LocalTimestampMicrosOf returns what TimestampMicrosOf does for the clock of t taken as UTC.
func LocalTimestampMicrosOf(t time.Time) (int64, error) {
	return timestamp(t, wallSeconds(t), 1_000_000, "microsecond")
}

// LocalTimestampNanosOf returns what TimestampNanosOf does for the clock of t taken as UTC.
func LocalTimestampNanosOf(t time.Time) (int64, error) {
	return timestamp(t, wallSeconds(t), 1_000_000_000, "nanosecond")
}

// timestamp returns sec, the whole seconds of t, and its nanoseconds in units of 1/perSecond s. Nanoseconds count up from
// the second before, in times before 1970 too, so that dividing them is already towards the past.
func timestamp(t time.Time, sec, perSecond int64, unit string) (int64, error) {
	frac := int64(t.Nanosecond()) / (1_000_000_000 / perSecond)
	if sec < 0 && frac > 0 { // count down from the next second, so that the smallest int64 does not overflow on the way
		sec, frac = sec+1, frac-perSecond
	}
	v := sec * perSecond
	if sec > math.MaxInt64/perSecond || sec < math.MinInt64/perSecond || frac > 0 && v > math.MaxInt64-frac ||
		frac < 0 && v < math.MinInt64-frac {
		return 0, valueError(fmt.Sprintf("a timestamp in %ss cannot hold the year %d", unit, t.Year()))
	}
	return v + frac, nil
}

// wallSeconds returns the Unix time at which a clock in UTC shows what t's clock shows in its location.
func wallSeconds(t time.Time) int64 {
	_, offset := t.Zone()
	return t.Unix() + int64(offset)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Date reads a date: midnight in UTC.
func (r *Reader) Date() time.Time { return DateTime(r.Int()) }

// TimeMillis reads a time-millis: the time since midnight, less than 24 hours.
func (r *Reader) TimeMillis() time.Duration {
	start := r.pos
	v := r.Int()
	if uint32(v) >= 86_400_000 {
		r.badTimeOfDay(start, int64(v), "milliseconds")
		return 0
	}
	return time.Duration(v) * time.Millisecond
}

// TimeMicros reads a time-micros: the time since midnight, less than 24 hours.
func (r *Reader) TimeMicros() time.Duration {
	start := r.pos
	v := r.Long()
	if uint64(v) >= 86_400_000_000 {
		r.badTimeOfDay(start, v, "microseconds")
		return 0
	}
	return time.Duration(v) * time.Microsecond
}

func (r *Reader) badTimeOfDay(start int, v int64, unit string) {
	r.fail(ErrMalformed, start, fmt.Sprintf("a time of day must be between 0 and 24 hours, this is %d %s", v, unit))
}

// TimestampMillis reads a timestamp-millis or local-timestamp-millis, in UTC.
func (r *Reader) TimestampMillis() time.Time { return time.UnixMilli(r.Long()).UTC() }

// TimestampMicros reads a timestamp-micros or local-timestamp-micros, in UTC.
func (r *Reader) TimestampMicros() time.Time { return time.UnixMicro(r.Long()).UTC() }

// TimestampNanos reads a timestamp-nanos or local-timestamp-nanos, in UTC.
func (r *Reader) TimestampNanos() time.Time { return time.Unix(0, r.Long()).UTC() }

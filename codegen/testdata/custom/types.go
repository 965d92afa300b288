package custom

import "time"

// What custom.avsc names in go.type.
type (
	UserID  string
	Score   int64
	Key     [16]byte
	Instant time.Time
)

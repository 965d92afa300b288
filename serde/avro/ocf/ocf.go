// Package ocf reads and writes Avro object container files (Avro specification, "Object Container Files"): a schema and
// blocks of data encoded with it. It splits files into data and knows nothing of Go values but the avro.Datum interface;
// with a generated type, use Values and Writer.Encode, and with a schema known only at run time, an avro.Codec.
//
//	file   = magic  map<bytes>  sync  block*
//	magic  = 'O' 'b' 'j' 1
//	map    = "avro.schema": JSON text; "avro.codec": name of a compression (null if missing); others are the user's
//	block  = long count of data  long size in bytes  compressed data  sync
//	sync   = 16 bytes, the same in the whole file
//
// Reading streams and holds one block in memory. Files may be hostile: what a block or the header may take is bounded,
// nothing is allocated on the word of a length, every datum is checked before it is handed out, and an end in the middle
// of a block is an error.
package ocf

import (
	"errors"
	"fmt"

	"github.com/typelog/typelog/serde/avro"
)

// Codec names a compression as files do.
type Codec string

// The codecs of the specification. XZ is refused with its name; Bzip2 can only be read.
const (
	Null      Codec = "null"
	Deflate   Codec = "deflate"
	Snappy    Codec = "snappy"
	Zstandard Codec = "zstandard"
	Bzip2     Codec = "bzip2"
	XZ        Codec = "xz"
)

// ErrCodec says that a file is compressed in a way that this package does not know.
var ErrCodec = errors.New("unsupported compression")

// The metadata that this package reads and writes itself.
const (
	metaPrefix = "avro."
	metaSchema = "avro.schema"
	metaCodec  = "avro.codec"
)

const (
	magic    = "Obj\x01"
	syncSize = 16
)

// Limits of what a file may make its reader hold.
const (
	// DefaultMaxBlock is how many bytes a block may take, compressed or not. Writers make blocks of 16 to 64 KiB.
	DefaultMaxBlock = 64 << 20
	maxHeader       = 16 << 20 // bytes of metadata
	maxMeta         = 10_000   // entries of metadata
	// maxEmpty is how many data that take no bytes (nulls) one block may hold.
	maxEmpty = avro.DefaultMaxZeroItems
)

// Error is a fault with its place in the file. Its cause is an *avro.Error, one of avro's kinds of errors with a reason, or
// what the underlying reader said.
type Error struct {
	// Offset is the byte at which the block that is at fault begins; 0 is the header.
	Offset int64
	// Datum is the number of the datum in the file, from 0; -1 if the fault is not in one.
	Datum int64
	Cause error
}

// Error returns place and cause in one line.
func (e *Error) Error() string {
	switch {
	case e.Datum >= 0:
		return fmt.Sprintf("avro file: datum %d (block at byte %d): %v", e.Datum, e.Offset, e.Cause)
	case e.Offset > 0:
		return fmt.Sprintf("avro file: block at byte %d: %v", e.Offset, e.Cause)
	}
	return fmt.Sprintf("avro file: header: %v", e.Cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", avro.ErrMalformed, fmt.Sprintf(format, args...))
}

func tooLarge(what string, most int) error {
	return fmt.Errorf("%w: %s takes more than %d bytes", avro.ErrLimit, what, most)
}

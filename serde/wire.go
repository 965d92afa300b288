package serde

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Confluent's wire format says in one of two places by which schema a part of a record is written:
//
//	prefix   payload = 00  schema id, big-endian int32  datum
//	header   __key_schema_id or __value_schema_id = 01  GUID, 16 bytes      payload = datum
//	                                                (or 00  schema id, 4 bytes)
//
// A datum of a schema whose root is bytes is these bytes, without the length that Avro puts in front of them.

// The names of the headers that say by which schema a key or value is written.
const (
	HeaderKeySchema   = "__key_schema_id"
	HeaderValueSchema = "__value_schema_id"
)

// PrefixLen is the length in bytes of the prefix of Confluent's wire format: a zero byte and the schema id as a
// big-endian int32.
const PrefixLen = 5

// ErrPrefix says that bytes do not begin with a prefix, and no header names the schema.
var ErrPrefix = errors.New("no schema id: the bytes do not begin with 0x00 and a four-byte id")

// AppendPrefix appends the prefix for a schema id to dst.
func AppendPrefix(dst []byte, id int32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 0), uint32(id))
}

// SplitPrefix returns the schema id in front of a payload, and the payload, which aliases b.
func SplitPrefix(b []byte) (id int32, payload []byte, err error) {
	if len(b) < PrefixLen {
		return 0, nil, fmt.Errorf("%w (%d bytes)", ErrPrefix, len(b))
	}
	if b[0] != 0 {
		return 0, nil, fmt.Errorf("%w (the first byte is 0x%02x)", ErrPrefix, b[0])
	}
	id = int32(binary.BigEndian.Uint32(b[1:]))
	if id < 0 {
		return 0, nil, fmt.Errorf("%w (the id would be %d)", ErrPrefix, id)
	}
	return id, b[PrefixLen:], nil
}

// GUID identifies the content of a schema in every registry: two equal schemas have the same one.
type GUID [16]byte

// ParseGUID reads the form with hyphens.
func ParseGUID(text string) (GUID, error) {
	var g GUID
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return g, fmt.Errorf("%.40q is no GUID", text)
	}
	if _, err := hex.Decode(g[:], []byte(strings.ReplaceAll(text, "-", ""))); err != nil {
		return g, fmt.Errorf("%.40q is no GUID", text)
	}
	return g, nil
}

// String returns the form with hyphens.
func (g GUID) String() string {
	h := hex.EncodeToString(g[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// SchemaName names a schema in a registry: by its id, or, if that is 0, by its GUID.
type SchemaName struct {
	ID   int32
	GUID GUID
}

// String returns the id or GUID.
func (n SchemaName) String() string {
	if n.ID != 0 || n.GUID == (GUID{}) {
		return fmt.Sprint(n.ID)
	}
	return n.GUID.String()
}

// headerOf is the header that names the schema of a part.
func headerOf(part Part) string {
	if part == KeyPart {
		return HeaderKeySchema
	}
	return HeaderValueSchema
}

// SplitRecord returns the name of the schema by which a part of a record is written, from its header if there is one (the
// last, if there are several) and else from its prefix, and the payload behind it, which aliases the record.
func SplitRecord(rec *kgo.Record, part Part) (SchemaName, []byte, error) {
	payload := rec.Value
	if part == KeyPart {
		payload = rec.Key
	}
	name := headerOf(part)
	for i := len(rec.Headers) - 1; i >= 0; i-- {
		if h := &rec.Headers[i]; h.Key == name {
			found, err := parseSchemaHeader(h.Key, h.Value)
			return found, payload, err
		}
	}
	id, payload, err := SplitPrefix(payload)
	return SchemaName{ID: id}, payload, err
}

func parseSchemaHeader(name string, value []byte) (SchemaName, error) {
	switch {
	case len(value) == 17 && value[0] == 1:
		return SchemaName{GUID: GUID(value[1:])}, nil
	case len(value) == PrefixLen && value[0] == 0:
		id, _, err := SplitPrefix(value)
		return SchemaName{ID: id}, err
	}
	return SchemaName{}, fmt.Errorf("%w: the header %s is neither 0x01 and a GUID of 16 bytes nor 0x00 and an id of 4 (%d bytes)",
		ErrPrefix, name, len(value))
}

package avro

import (
	"encoding/binary"
	"fmt"
)

// Single-object encoding (Avro specification): a datum that says by which schema it is written, outside files and
// registries.
//
//	c3 01 | CRC-64-AVRO fingerprint of the schema, 8 bytes, little-endian | datum

// SingleObjectPrefixLen is the length in bytes of what stands before the datum.
const SingleObjectPrefixLen = 10

// AppendSingleObjectPrefix appends the marker and a schema's fingerprint to dst; the datum's encoding comes next.
func AppendSingleObjectPrefix(dst []byte, fingerprint uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, 0xc3, 0x01), fingerprint)
}

// SplitSingleObject returns the fingerprint of the schema and the encoding of the datum, which aliases src and is not
// checked.
func SplitSingleObject(src []byte) (fingerprint uint64, datum []byte, err error) {
	if len(src) < SingleObjectPrefixLen || src[0] != 0xc3 || src[1] != 0x01 {
		return 0, nil, &Error{Reason: fmt.Sprintf("no single-object encoding: %d bytes that do not begin with c3 01 and a fingerprint of 8 bytes",
			len(src)), Kind: ErrMalformed}
	}
	return binary.LittleEndian.Uint64(src[2:]), src[SingleObjectPrefixLen:], nil
}

// AppendSingleObject appends a value in single-object encoding. On an error it returns dst as it was.
func AppendSingleObject(dst []byte, v Datum) ([]byte, error) {
	_, fingerprint := v.AvroSchema()
	out, err := v.AppendAvro(AppendSingleObjectPrefix(dst, fingerprint))
	if err != nil {
		return dst, err
	}
	return out, nil
}

// DecodeSingleObject sets v from src. writers gives, for a fingerprint that is not that of v's own schema, the plan to read
// what it was written with (see Resolve); without it, or if it gives nil, such data are refused.
func DecodeSingleObject(src []byte, v Datum, opts DecodeOptions, writers func(fingerprint uint64) *Resolution) error {
	fingerprint, datum, err := SplitSingleObject(src)
	if err != nil {
		return err
	}
	opts.Writer = nil
	if _, own := v.AvroSchema(); own != fingerprint {
		if writers != nil {
			opts.Writer = writers(fingerprint)
		}
		if opts.Writer == nil {
			return &Error{Reason: fmt.Sprintf("the datum was written with an unknown schema, fingerprint %016x", fingerprint),
				Kind: ErrSchema}
		}
	}
	return v.DecodeAvro(datum, opts)
}

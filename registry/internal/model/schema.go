package model

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Type is the language that a schema is written in.
type Type string

// The types. Only Avro schemas are parsed; JSON Schema and Protobuf are stored and served as they come.
const (
	Avro     Type = "AVRO"
	JSON     Type = "JSON"
	Protobuf Type = "PROTOBUF"
)

// Known reports whether t is one of the types above; they are spelled in capitals only.
func (t Type) Known() bool { return t == Avro || t == JSON || t == Protobuf }

// NoName and NoVersion stand in a reference that was sent without a name or version. Such a reference is never stored.
// A name that is there may be empty.
const (
	NoName    = "\x00"
	NoVersion = math.MinInt32
)

// Reference names a version of a subject whose definitions a schema uses.
type Reference struct {
	Name    string // the full name that the schema uses, or what the schema's language imports; may be empty
	Subject string // as written: without a context it means the context of the referring schema
	Version int32
}

// String prints r the way it stands in error messages.
func (r Reference) String() string {
	version := "null"
	if r.Version != NoVersion {
		version = strconv.Itoa(int(r.Version))
	}
	return "{name='" + orNull(r.Name) + "', subject='" + orNull(r.Subject) + "', version=" + version + "}"
}

func orNull(s string) string {
	if s == "" || s == NoName {
		return "null"
	}
	return s
}

// Schema is what an id and a guid stand for: text, references, metadata and rules. It is immutable once it is in a Version.
type Schema struct {
	Type Type
	// Text is the schema as the registry prints it. Empty only for schemas that were imported without one.
	Text       string
	References []Reference
	Metadata   *Metadata // nil if there is none, which differs from an empty one
	Rules      *RuleSet  // likewise
	// GUID is Fingerprint's answer; it is set when the schema is complete.
	GUID GUID
}

// GUID identifies a schema's content in every registry.
type GUID [16]byte

// String returns the form 8-4-4-4-12 in lower case.
func (g GUID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], g[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], g[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], g[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], g[8:10])
	b[23] = '-'
	hex.Encode(b[24:36], g[10:16])
	return string(b[:])
}

// ParseGUID reads the form that String prints, in either case.
func ParseGUID(s string) (GUID, bool) {
	var g GUID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return g, false
	}
	n, err := hex.Decode(g[:], []byte(strings.ReplaceAll(s, "-", "")))
	return g, err == nil && n == len(g)
}

// Fingerprint computes the guid: MD5 over the text, each reference (name, subject, version as a big-endian int32) and,
// after a byte 1 that tells an empty one from none, the metadata in its sorted order, and likewise the rules. It is an identifier that
// clients compare with Confluent's, not a protection.
func (s *Schema) Fingerprint() GUID {
	h := md5.New()
	h.Write([]byte(s.Text))
	for _, r := range s.References {
		if r.Name != NoName {
			h.Write([]byte(r.Name))
		}
		h.Write([]byte(r.Subject))
		if r.Version != NoVersion {
			h.Write(binary.BigEndian.AppendUint32(nil, uint32(r.Version)))
		}
	}
	if s.Metadata != nil {
		h.Write([]byte{1})
		s.Metadata.write(h)
	}
	if s.Rules != nil {
		h.Write([]byte{1})
		s.Rules.write(h)
	}
	return GUID(h.Sum(nil))
}

// Same reports whether two schemas have the same content.
func (s *Schema) Same(o *Schema) bool {
	return s == o || s.GUID == o.GUID && s.Type == o.Type && s.Text == o.Text &&
		slices.Equal(s.References, o.References) && s.Metadata.Equal(o.Metadata) && s.Rules.Equal(o.Rules)
}

// Attached is the metadata and the rules of s.
func (s *Schema) Attached() Attached { return Attached{s.Metadata, s.Rules} }

// With returns a copy of s with other metadata and rules and the guid that belongs to it.
func (s *Schema) With(a Attached) *Schema {
	c := *s
	c.Metadata, c.Rules = a.Metadata, a.Rules
	c.GUID = c.Fingerprint()
	return &c
}

// Version is one version of a subject. It is immutable; a change makes a new one.
type Version struct {
	Subject Subject
	Number  int32 // from 1
	ID      int32 // of the schema, within the subject's context
	Deleted bool  // softly
	Time    int64 // when it was registered or last changed, Unix milliseconds
	Schema  *Schema
}

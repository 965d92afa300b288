package schema

import (
	"crypto/md5"
	"crypto/sha256"
	"strconv"
)

// Canonical prints the schema in Parsing Canonical Form (Avro specification, "Transforming into Parsing Canonical
// Form"): full names, and nothing but what a reader of the data needs. It stands alone, references included.
func (s *Schema) Canonical() string {
	c := canonical{defined: map[*Type]bool{}}
	c.schema(s.root)
	return string(c.out)
}

// Fingerprint64 returns the CRC-64-AVRO (Rabin) fingerprint of the canonical form.
func (s *Schema) Fingerprint64() uint64 { return crc64Avro([]byte(s.Canonical())) }

// MD5 returns the MD5 fingerprint of the canonical form, one of the three that the specification names. It is an
// identifier, no protection.
func (s *Schema) MD5() [md5.Size]byte { return md5.Sum([]byte(s.Canonical())) }

// SHA256 returns the SHA-256 fingerprint of the canonical form.
func (s *Schema) SHA256() [sha256.Size]byte { return sha256.Sum256([]byte(s.Canonical())) }

type canonical struct {
	out     []byte
	defined map[*Type]bool
}

func (c *canonical) raw(s string) { c.out = append(c.out, s...) }

func (c *canonical) schema(t *Type) {
	switch t.Kind {
	case Union:
		c.raw("[")
		for i, branch := range t.Branches {
			if i > 0 {
				c.raw(",")
			}
			c.schema(branch)
		}
		c.raw("]")
	case Array:
		c.raw(`{"type":"array","items":`)
		c.schema(t.Items)
		c.raw("}")
	case Map:
		c.raw(`{"type":"map","values":`)
		c.schema(t.Items)
		c.raw("}")
	case Record, Enum, Fixed:
		c.named(t)
	default:
		c.out = appendString(c.out, t.Kind.String())
	}
}

func (c *canonical) named(t *Type) {
	if c.defined[t] {
		c.out = appendString(c.out, t.FullName())
		return
	}
	c.defined[t] = true
	c.raw(`{"name":`)
	c.out = appendString(c.out, t.FullName())
	c.raw(`,"type":"` + t.Kind.String() + `"`)
	switch t.Kind {
	case Enum:
		c.raw(`,"symbols":[`)
		for i, symbol := range t.Symbols {
			if i > 0 {
				c.raw(",")
			}
			c.out = appendString(c.out, symbol)
		}
		c.raw("]")
	case Fixed:
		c.raw(`,"size":` + strconv.Itoa(t.Size))
	case Record:
		c.raw(`,"fields":[`)
		for i, f := range t.Fields {
			if i > 0 {
				c.raw(",")
			}
			c.raw(`{"name":`)
			c.out = appendString(c.out, f.Name)
			c.raw(`,"type":`)
			c.schema(f.Type)
			c.raw("}")
		}
		c.raw("]")
	}
	c.raw("}")
}

// crc64Avro is the specification's Rabin fingerprint: a CRC with this polynomial, reflected, which is also its start
// value. Schemas are fingerprinted once, so it goes bit by bit without a table.
func crc64Avro(data []byte) uint64 {
	const empty = 0xc15d213aa4d7a795
	fp := uint64(empty)
	for _, b := range data {
		fp ^= uint64(b)
		for range 8 {
			low := fp & 1
			fp >>= 1
			if low == 1 {
				fp ^= empty
			}
		}
	}
	return fp
}

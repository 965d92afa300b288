package avro

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/typelog/typelog/serde/avro/schema"
)

// jsonWriter prints a datum that was validated before, in Avro's JSON encoding (Avro specification, "JSON Encoding"):
// union values are tagged with their branch, bytes are strings of the code points 0 to 255, logical types print as what
// they are made of.
type jsonWriter struct {
	walker
	out []byte
}

func (j *jsonWriter) value(n *node, pos int) int {
	t := n.typ
	switch t.Kind {
	case schema.Null:
		j.out = append(j.out, "null"...)
	case schema.Boolean:
		j.out = strconv.AppendBool(j.out, j.buf[pos] == 1)
		pos++
	case schema.Int, schema.Long:
		var v int64
		v, pos = j.varint(pos)
		j.out = strconv.AppendInt(j.out, v, 10)
	case schema.Float:
		f := math.Float32frombits(binary.LittleEndian.Uint32(j.buf[pos:]))
		j.out = appendJSONFloat(j.out, float64(f), 32)
		pos += 4
	case schema.Double:
		j.out = appendJSONFloat(j.out, math.Float64frombits(binary.LittleEndian.Uint64(j.buf[pos:])), 64)
		pos += 8
	case schema.String:
		start, end := j.counted(n, pos)
		j.out = appendJSONString(j.out, j.buf[start:end])
		pos = end
	case schema.Bytes:
		start, end := j.counted(n, pos)
		j.out = appendJSONBytes(j.out, j.buf[start:end])
		pos = end
	case schema.Fixed:
		j.out = appendJSONBytes(j.out, j.buf[pos:pos+t.Size])
		pos += t.Size
	case schema.Enum:
		var i int64
		i, pos = j.varint(pos)
		j.out = appendJSONString(j.out, []byte(t.Symbols[i]))
	case schema.Union:
		return j.union(n, pos)
	case schema.Array, schema.Map:
		return j.blocks(n, pos)
	case schema.Record:
		return j.record(n, pos)
	}
	return pos
}

func (j *jsonWriter) union(n *node, pos int) int {
	i, pos := j.varint(pos)
	b := n.branches[i]
	if b.typ.Kind == schema.Null {
		j.out = append(j.out, "null"...)
		return pos
	}
	j.out = append(j.out, '{')
	j.out = appendJSONString(j.out, []byte(b.typ.FullName()))
	j.out = append(j.out, ':')
	pos = j.value(b, pos)
	j.out = append(j.out, '}')
	return pos
}

func (j *jsonWriter) record(n *node, pos int) int {
	j.out = append(j.out, '{')
	for i, f := range n.typ.Fields {
		if i > 0 {
			j.out = append(j.out, ',')
		}
		j.out = appendJSONString(j.out, []byte(f.Name))
		j.out = append(j.out, ':')
		pos = j.value(n.fields[i].node, pos)
	}
	j.out = append(j.out, '}')
	return pos
}

func (j *jsonWriter) blocks(n *node, pos int) int {
	open, shut, minItem := byte('['), byte(']'), n.item.min
	if n.op == opMap {
		open, shut, minItem = '{', '}', saturate(1, minItem)
	}
	j.out = append(j.out, open)
	for first := true; ; {
		count, _, next := j.block(pos, minItem)
		pos = next
		if count == 0 {
			break
		}
		for range count {
			if !first {
				j.out = append(j.out, ',')
			}
			first = false
			if n.op == opMap {
				start, end := j.counted(stringNode, pos)
				j.out = append(appendJSONString(j.out, j.buf[start:end]), ':')
				pos = end
			}
			pos = j.value(n.item, pos)
		}
	}
	j.out = append(j.out, shut)
	return pos
}

// appendJSONFloat prints the shortest number that reads back as f. What JSON has no number for is a string, as Avro Java
// prints it.
func appendJSONFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, format, -1, bits)
	for _, c := range dst[start:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...) // so that it reads as a float
}

const hexDigits = "0123456789abcdef"

// appendJSONString prints valid UTF-8 with no escapes but those that JSON demands.
func appendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, c := range s {
		dst = appendJSONByte(dst, c)
	}
	return append(dst, '"')
}

func appendJSONByte(dst []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, '\\', 'n')
	case c == '\t':
		return append(dst, '\\', 't')
	case c == '\r':
		return append(dst, '\\', 'r')
	case c < 0x20:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(dst, c)
}

// appendJSONBytes prints each byte as the code point of its number.
func appendJSONBytes(dst, b []byte) []byte {
	dst = append(dst, '"')
	for _, c := range b {
		if c < 0x7f {
			dst = appendJSONByte(dst, c)
		} else if c < 0xa0 { // control characters too, though JSON lets them pass
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		} else {
			dst = utf8.AppendRune(dst, rune(c))
		}
	}
	return append(dst, '"')
}

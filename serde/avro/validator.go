package avro

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/typelog/typelog/serde/avro/schema"
)

// Validator says whether bytes are one complete datum of a schema, without decoding them. It is immutable and safe for
// concurrent use.
type Validator struct {
	root *node
}

// NewValidator compiles a validator.
func NewValidator(s *schema.Schema) (*Validator, error) {
	if s == nil || s.Root() == nil {
		return nil, &Error{Reason: "no schema", Offset: -1, Kind: ErrSchema}
	}
	return &Validator{root: compileNodes(s.Root())}, nil
}

// Validate returns nil if src is exactly one datum of the schema under the default limits, and an *Error with path and
// offset otherwise. Besides the encoding it checks what a typed decoder could not represent: strings and map keys are
// UTF-8, a string that is a uuid parses as one, a decimal has no more digits than its precision, a time of day is below
// 24 hours. It allocates nothing unless there is a fault or a decimal of more than 64 bits.
func (v *Validator) Validate(src []byte) error {
	w := walker{buf: src, depth: DefaultMaxDepth, zeroItems: DefaultMaxZeroItems}
	if w.finish(w.walk(v.root, 0)) < 0 {
		return w.err
	}
	return nil
}

// Measure returns how many bytes the datum takes that src begins with, under the same rules as Validate, for data that lie
// one behind another. What follows it is not looked at.
func (v *Validator) Measure(src []byte) (int, error) {
	w := walker{buf: src, depth: DefaultMaxDepth, zeroItems: DefaultMaxZeroItems}
	end := w.walk(v.root, 0)
	if end < 0 {
		return 0, w.err
	}
	return end, nil
}

// walker walks the bytes of one datum. Its methods take a position and return the one after the value, or -1.
type walker struct {
	buf       []byte
	depth     int // levels left
	zeroItems int // items without bytes left
	err       *Error
}

// finish demands that the datum's end is the end of the bytes.
func (w *walker) finish(end int) int {
	if end >= 0 && end != len(w.buf) {
		return w.fail(ErrMalformed, end, fmt.Sprintf("%d bytes follow the end of the datum", len(w.buf)-end))
	}
	return end
}

func (w *walker) walk(n *node, pos int) int {
	switch n.op {
	case opNothing:
		return pos
	case opBoolean:
		if pos < len(w.buf) && w.buf[pos] <= 1 {
			return pos + 1
		}
		return w.refuse(n, pos)
	case opInt:
		return w.int(n, pos)
	case opLong:
		return w.long(n, pos)
	case opBlob:
		_, end := w.counted(n, pos)
		return end
	case opString:
		return w.text(n, pos)
	case opSkip:
		if len(w.buf)-pos >= n.size {
			return pos + n.size
		}
		return w.refuse(n, pos)
	case opEnum:
		if pos < len(w.buf) {
			if b := w.buf[pos]; b < 0x80 && b&1 == 0 && int(b>>1) < n.size {
				return pos + 1
			}
		}
		_, end := w.index(n, pos)
		return end
	case opNullable:
		if pos < len(w.buf) {
			switch w.buf[pos] {
			case n.nullAt:
				return pos + 1
			case 2 - n.nullAt:
				return w.walk(n.item, pos+1)
			}
		}
		return w.union(n, pos)
	case opUnion:
		return w.union(n, pos)
	case opArray:
		return w.array(n, pos)
	case opMap:
		return w.mapping(n, pos)
	case opRecord:
		return w.record(n, pos)
	}
	return w.logical(n, pos)
}

func (w *walker) record(n *node, pos int) int {
	if n.recursive {
		if w.depth--; w.depth < 0 {
			return w.fail(ErrLimit, pos, "records are nested too deeply")
		}
	}
	buf := w.buf
	for i := range n.fields {
		f := &n.fields[i]
		switch f.node.op { // the most frequent cases, without a call
		case opString:
			if pos < len(buf) && buf[pos]&0x81 == 0 {
				if end := pos + 1 + int(buf[pos]>>1); end <= len(buf) && validText(buf[pos+1:end]) {
					pos = end
					continue
				}
			}
		case opLong:
			if len(buf)-pos >= 8 {
				if stops := ^binary.LittleEndian.Uint64(buf[pos:]) & highBits; stops != 0 {
					pos += bits.TrailingZeros64(stops)>>3 + 1
					continue
				}
			}
		case opSkip:
			if len(buf)-pos >= f.node.size {
				pos += f.node.size
				continue
			}
		case opInt:
			if pos < len(buf) && buf[pos] < 0x80 {
				pos++
				continue
			}
		case opNullable:
			if pos < len(buf) && buf[pos] == f.node.nullAt {
				pos++
				continue
			}
		}
		if pos = w.walk(f.node, pos); pos < 0 {
			w.err.prepend(f.name)
			return -1
		}
	}
	if n.recursive {
		w.depth++
	}
	return pos
}

func (w *walker) union(n *node, pos int) int {
	i, end := w.index(n, pos)
	if end < 0 {
		return -1
	}
	return w.walk(n.branches[i], end)
}

// index reads the index of a symbol or branch.
func (w *walker) index(n *node, pos int) (int, int) {
	v, end := w.varint(pos)
	if end < 0 || v < 0 || v >= int64(n.size) {
		return 0, w.refuse(n, pos)
	}
	return int(v), end
}

func (w *walker) int(n *node, pos int) int {
	if pos < len(w.buf) && w.buf[pos] < 0x80 {
		return pos + 1
	}
	v, end := w.varint(pos)
	if end < 0 || v < math.MinInt32 || v > math.MaxInt32 {
		return w.refuse(n, pos)
	}
	return end
}

func (w *walker) long(n *node, pos int) int {
	if len(w.buf)-pos >= 8 {
		if stops := ^binary.LittleEndian.Uint64(w.buf[pos:]) & highBits; stops != 0 {
			return pos + bits.TrailingZeros64(stops)>>3 + 1
		}
	}
	if _, end := w.varint(pos); end >= 0 {
		return end
	}
	return w.refuse(n, pos)
}

// varint decodes a long. The position after it is -1 if it is cut off or too long; the caller says so.
func (w *walker) varint(pos int) (int64, int) {
	if pos < len(w.buf) && w.buf[pos] < 0x80 {
		b := int64(w.buf[pos])
		return b>>1 ^ -(b & 1), pos + 1
	}
	v, n := longAt(w.buf[pos:])
	if n == 0 {
		return 0, -1
	}
	return v, pos + n
}

// counted returns where the content of bytes or a string begins and ends.
func (w *walker) counted(n *node, pos int) (start, end int) {
	v, start := w.varint(pos)
	if start < 0 || uint64(v) > uint64(len(w.buf)-start) {
		return 0, w.refuse(n, pos)
	}
	return start, start + int(v)
}

func (w *walker) text(n *node, pos int) int {
	if buf := w.buf; pos < len(buf) && buf[pos]&0x81 == 0 { // one byte says the length
		start := pos + 1
		if end := start + int(buf[pos]>>1); end <= len(buf) && validText(buf[start:end]) {
			return end
		}
	}
	start, end := w.counted(n, pos)
	if end < 0 || validText(w.buf[start:end]) {
		return end
	}
	return w.fail(ErrMalformed, pos, "the string is not valid UTF-8")
}

func (w *walker) array(n *node, pos int) int {
	at := 0
	for {
		count, sizedEnd, next := w.block(pos, n.item.min)
		if count == 0 {
			return next
		}
		pos = next
		if n.item.op != opNothing {
			for range count {
				if n.item.op == opRecord {
					pos = w.record(n.item, pos)
				} else {
					pos = w.walk(n.item, pos)
				}
				if pos < 0 {
					w.err.prepend(indexElement(at))
					return -1
				}
				at++
			}
		}
		if sizedEnd != 0 && pos != sizedEnd {
			return w.fail(ErrMalformed, pos, fmt.Sprintf("a block was said to end at byte %d", sizedEnd))
		}
	}
}

func (w *walker) mapping(n *node, pos int) int {
	for {
		count, sizedEnd, next := w.block(pos, saturate(1, n.item.min))
		if count == 0 {
			return next
		}
		pos = next
		for range count {
			key := pos
			if pos = w.text(stringNode, key); pos < 0 {
				w.err.Reason = "a map's key: " + w.err.Reason
				return -1
			}
			if n.item.op == opString {
				pos = w.text(n.item, pos)
			} else {
				pos = w.walk(n.item, pos)
			}
			if pos < 0 {
				start, end := w.counted(stringNode, key)
				w.err.prepend(keyElement(string(w.buf[start:end])))
				return -1
			}
		}
		if sizedEnd != 0 && pos != sizedEnd {
			return w.fail(ErrMalformed, pos, fmt.Sprintf("a block was said to end at byte %d", sizedEnd))
		}
	}
}

// stringNode stands for the type of map keys.
var stringNode = &node{op: opString, typ: &schema.Type{Kind: schema.String}, min: 1}

// block reads the start of a block. A count of 0 is the end of the array or map, or with next -1 a fault.
func (w *walker) block(pos, minItem int) (count int64, sizedEnd, next int) {
	count, next = w.varint(pos)
	if next < 0 {
		return 0, 0, w.refuseBlock(pos, minItem)
	}
	if count == 0 {
		return 0, 0, next
	}
	room := len(w.buf) - next
	if count < 0 {
		count = -count // stays negative if it is the smallest number
		size, after := w.varint(next)
		if count < 0 || after < 0 || uint64(size) > uint64(len(w.buf)-after) {
			return 0, 0, w.refuseBlock(pos, minItem)
		}
		room, next = int(size), after
		sizedEnd = after + room
	}
	if minItem > 0 {
		if count > int64(room/minItem) {
			return 0, 0, w.refuseBlock(pos, minItem)
		}
		return count, sizedEnd, next
	}
	if count > int64(w.zeroItems) {
		return 0, 0, w.refuseBlock(pos, minItem)
	}
	w.zeroItems -= int(count)
	return count, sizedEnd, next
}

// refuseBlock says what is wrong with the block at pos. The Reader has the words.
func (w *walker) refuseBlock(pos, minItem int) int {
	r := NewReader(w.buf, DecodeOptions{AliasInput: true})
	r.pos, r.zeroItems = pos, w.zeroItems
	var b Block
	r.NextBlock(&b, minItem)
	return w.take(r.err, pos)
}

// logical walks a value whose logical type allows less than its encoding.
func (w *walker) logical(n *node, pos int) int {
	switch n.op {
	case opTimeMillis:
		v, end := w.varint(pos)
		if end < 0 || v < 0 || v >= 86_400_000 {
			return w.refuse(n, pos)
		}
		return end
	case opTimeMicros:
		v, end := w.varint(pos)
		if end < 0 || v < 0 || v >= 86_400_000_000 {
			return w.refuse(n, pos)
		}
		return end
	case opDecimalFixed:
		if len(w.buf)-pos < n.size {
			return w.refuse(n, pos)
		}
		return w.content(pos, pos+n.size, checkDecimal(w.buf[pos:pos+n.size], n.precision))
	}
	start, end := w.counted(n, pos)
	if end < 0 {
		return -1
	}
	content, reason := w.buf[start:end], ""
	switch n.op {
	case opDecimal:
		reason = checkDecimal(content, n.precision)
	case opBigDecimal:
		_, _, reason = splitBigDecimal(content)
	case opUUID:
		if _, ok := parseUUID(content); !ok {
			reason = "the string is no UUID"
		}
	}
	return w.content(pos, end, reason)
}

// content returns end, or fails at pos if there is a reason to.
func (w *walker) content(pos, end int, reason string) int {
	if reason == "" {
		return end
	}
	return w.fail(ErrMalformed, pos, reason)
}

func (w *walker) fail(kind error, offset int, reason string) int {
	w.err = &Error{Reason: reason, Offset: offset, Kind: kind}
	return -1
}

// refuse says why a value that the quick path did not take is none of its type. The Reader has the words.
//
//go:noinline
func (w *walker) refuse(n *node, pos int) int {
	r := NewReader(w.buf, DecodeOptions{AliasInput: true})
	r.pos = pos
	switch n.op {
	case opBoolean:
		r.Boolean()
	case opInt:
		r.Int()
	case opLong:
		r.Long()
	case opTimeMillis:
		r.TimeMillis()
	case opTimeMicros:
		r.TimeMicros()
	case opEnum:
		r.Enum(n.size)
	case opUnion, opNullable:
		r.Union(len(n.branches))
	case opSkip, opDecimalFixed:
		r.truncated(pos, sizedName(n.typ))
	default:
		r.length(lengthName(n.typ))
	}
	return w.take(r.err, pos)
}

// take makes the Reader's fault the walker's.
func (w *walker) take(err *Error, pos int) int {
	if w.err = err; err == nil { // the walker and the Reader disagree: a mistake here, not in the bytes
		return w.fail(ErrMalformed, pos, "malformed value")
	}
	return -1
}

func sizedName(t *schema.Type) string {
	switch t.Kind {
	case schema.Float:
		return "a float"
	case schema.Double:
		return "a double"
	}
	return fmt.Sprintf("a fixed of %d bytes", t.Size)
}

func lengthName(t *schema.Type) string {
	if t.Kind == schema.String {
		return "the length of a string"
	}
	return "the length of bytes"
}

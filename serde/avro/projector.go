package avro

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/typelog/typelog/serde/avro/schema"
)

// projector runs a plan over the bytes of one datum. Its methods take a position in the writer's bytes and return the one
// after the value, or -1.
type projector struct {
	walker
	out      []byte
	most     int   // the length that out may reach
	outItems int   // items without bytes that out may still hold
	places   []int // a stack: where the fields of the reordered records around here begin
}

func (p *projector) project(s *step, pos int) int {
	if s.copies {
		end := p.walk(s.w, pos)
		if end >= 0 {
			p.out = append(p.out, p.buf[pos:end]...)
		}
		return end
	}
	switch s.kind {
	case stepChecked:
		return p.checked(s, pos)
	case stepFloat, stepDouble, stepScale:
		return p.number(s, pos)
	case stepDecimal:
		return p.decimal(s, pos)
	case stepEnum:
		i, end := p.index(s.w, pos)
		if end < 0 {
			return -1
		}
		if s.symbols[i] < 0 {
			return p.fail(ErrMalformed, pos, fmt.Sprintf("the reader's %s has no symbol %s and no default", describe(s.r.typ), s.w.typ.Symbols[i]))
		}
		p.out = AppendInt(p.out, s.symbols[i])
		return end
	case stepBranches:
		i, end := p.index(s.w, pos)
		if end < 0 {
			return -1
		}
		return p.project(s.branches[i], end)
	case stepIntoUnion:
		p.out = AppendLong(p.out, int64(s.index))
		return p.project(s.item, pos)
	case stepArray, stepMap:
		return p.blocks(s, pos)
	case stepRecord, stepReordered:
		return p.record(s, pos)
	}
	return p.fail(ErrMalformed, pos, s.fault)
}

// checked copies a value and looks whether the reader's type allows it.
func (p *projector) checked(s *step, pos int) int {
	end := p.walk(s.w, pos)
	if end < 0 {
		return -1
	}
	if p.walk(s.r, pos) < 0 {
		return -1
	}
	p.out = append(p.out, p.buf[pos:end]...)
	return end
}

func (p *projector) number(s *step, pos int) int {
	end := p.walk(s.w, pos)
	if end < 0 {
		return -1
	}
	if s.w.typ.Kind == schema.Float {
		p.out = AppendDouble(p.out, float64(math.Float32frombits(binary.LittleEndian.Uint32(p.buf[pos:]))))
		return end
	}
	v, _ := p.varint(pos)
	switch s.kind {
	case stepFloat:
		p.out = AppendFloat(p.out, float32(v))
	case stepDouble:
		p.out = AppendDouble(p.out, float64(v))
	default:
		if v > math.MaxInt64/s.factor || v < math.MinInt64/s.factor {
			return p.fail(ErrMalformed, pos, fmt.Sprintf("%d does not fit %s", v, describe(s.r.typ)))
		}
		p.out = AppendLong(p.out, v*s.factor)
	}
	return end
}

func (p *projector) decimal(s *step, pos int) int {
	end := p.walk(s.w, pos)
	if end < 0 {
		return -1
	}
	from, to := s.w.typ.Logical, s.r.typ.Logical
	content := p.buf[pos:end]
	if s.w.typ.Kind == schema.Bytes {
		start, _ := p.counted(s.w, pos)
		content = p.buf[start:end]
	}
	d, err := decimalOf(content, from.Scale), error(nil)
	if s.r.typ.Kind == schema.Bytes {
		p.out, err = AppendDecimal(p.out, d, to.Precision, to.Scale)
	} else {
		p.out, err = AppendDecimalFixed(p.out, d, s.r.typ.Size, to.Precision, to.Scale)
	}
	if err != nil {
		return p.fail(ErrMalformed, pos, pathed(err).Reason)
	}
	return end
}

// blocks projects an array or map, block by block.
func (p *projector) blocks(s *step, pos int) int {
	minItem, at := s.w.item.min, 0
	if s.kind == stepMap {
		minItem = saturate(1, minItem)
	}
	for {
		count, sizedEnd, next := p.block(pos, minItem)
		if count == 0 {
			p.out = AppendEnd(p.out)
			return next
		}
		if s.kind == stepArray && s.r.item.min == 0 {
			if p.outItems -= int(count); p.outItems < 0 {
				return p.fail(ErrLimit, pos, "too many items that take no bytes in the reader's schema")
			}
		}
		p.out = AppendLong(p.out, count)
		pos = next
		for range count {
			if pos = p.blockItem(s, pos, at); pos < 0 {
				return -1
			}
			at++
		}
		if sizedEnd != 0 && pos != sizedEnd {
			return p.fail(ErrMalformed, pos, fmt.Sprintf("a block was said to end at byte %d", sizedEnd))
		}
	}
}

func (p *projector) blockItem(s *step, pos, at int) int {
	if s.kind == stepArray {
		end := p.project(s.item, pos)
		if end < 0 {
			p.err.prepend(indexElement(at))
		}
		return end
	}
	value := p.text(stringNode, pos)
	if value < 0 {
		p.err.Reason = "a map's key: " + p.err.Reason
		return -1
	}
	p.out = append(p.out, p.buf[pos:value]...)
	end := p.project(s.item, value)
	if end < 0 {
		start, keyEnd := p.counted(stringNode, pos)
		p.err.prepend(keyElement(string(p.buf[start:keyEnd])))
	}
	return end
}

func (p *projector) record(s *step, pos int) int {
	if len(p.out) > p.most {
		return p.fail(ErrLimit, pos, "the value is too large in the reader's schema")
	}
	if s.w.recursive {
		if p.depth--; p.depth < 0 {
			return p.fail(ErrLimit, pos, "records are nested too deeply")
		}
	}
	if s.kind == stepReordered {
		pos = p.reordered(s, pos)
	} else {
		pos = p.ordered(s, pos)
	}
	if s.w.recursive {
		p.depth++
	}
	return pos
}

// ordered projects a record whose fields come in the same order. Runs of unchanged fields are copied at once.
func (p *projector) ordered(s *step, pos int) int {
	run := pos // from here on nothing was copied yet
	for i := range s.moves {
		m := &s.moves[i]
		if m.step != nil && m.step.copies {
			if pos = p.walk(m.node, pos); pos < 0 {
				p.err.prepend(m.name)
				return -1
			}
			continue
		}
		p.out = append(p.out, p.buf[run:pos]...)
		switch {
		case m.node == nil:
			if !p.addDefault(m, pos) {
				return -1
			}
		case m.step == nil:
			pos = p.walk(m.node, pos)
		default:
			pos = p.project(m.step, pos)
		}
		if pos < 0 {
			p.err.prepend(m.name)
			return -1
		}
		run = pos
	}
	p.out = append(p.out, p.buf[run:pos]...)
	return pos
}

// reordered finds where the writer's fields begin and then projects the reader's.
func (p *projector) reordered(s *step, pos int) int {
	base := len(p.places)
	fields := s.w.fields
	for i := range fields {
		p.places = append(p.places, pos)
		if pos = p.walk(fields[i].node, pos); pos < 0 {
			p.err.prepend(fields[i].name)
			return -1
		}
	}
	for i := range s.moves {
		m := &s.moves[i]
		if m.node == nil {
			if !p.addDefault(m, pos) {
				return -1
			}
			continue
		}
		// These bytes are walked a second time; what they cost was counted the first time.
		zeroItems := p.zeroItems
		p.zeroItems = math.MaxInt
		end := p.project(m.step, p.places[base+m.from])
		p.zeroItems = zeroItems
		if end < 0 {
			p.err.prepend(m.name)
			return -1
		}
	}
	p.places = p.places[:base]
	return pos
}

// addDefault appends a default, unless that makes the output too long.
func (p *projector) addDefault(m *move, pos int) bool {
	if len(p.out) > p.most-len(m.bytes) {
		p.fail(ErrLimit, pos, "the defaults of the reader's schema make the value too large")
		p.err.prepend(m.name)
		return false
	}
	p.out = append(p.out, m.bytes...)
	return true
}

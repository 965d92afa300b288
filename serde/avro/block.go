package avro

import (
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// Block is the reader's place in an array or map, which is written as blocks of items. The zero value stands before the
// first block:
//
//	var b avro.Block
//	for r.NextBlock(&b, 1) {
//		x.Tags = avro.Grow(&r, x.Tags, b.Len)
//		for range b.Len {
//			x.Tags = append(x.Tags, r.String())
//			if r.Failed() { … }
//		}
//	}
type Block struct {
	// Len is the number of items (or pairs) in the block.
	Len int

	end int // where the block must end if it was written with its size; else 0
}

// NextBlock goes to the next block. It returns false at the end of the array or map, or if the reader failed. minItem is
// the least number of bytes that an item (for a map: key and value) can take; it bounds the count. A block with a
// negative count and its size in bytes is legal, and its size must be true.
func (r *Reader) NextBlock(b *Block, minItem int) bool {
	if b.end != 0 && r.pos != b.end && r.err == nil {
		r.fail(ErrMalformed, r.pos, fmt.Sprintf("a block was said to end at byte %d", b.end))
	}
	start := r.pos
	b.Len, b.end = 0, 0
	if start < len(r.buf) && r.buf[start] == 0 {
		r.pos++
		return false
	}
	count := r.varint("a block's count")
	if count == 0 {
		return false // it failed, or it ends here in more bytes than it needs
	}
	if r.step != nil { // records of a writer's that may take less
		minItem = min(minItem, r.step.w.min)
	}
	room := r.Remaining()
	if count < 0 {
		if count == math.MinInt64 {
			r.fail(ErrMalformed, start, fmt.Sprintf("a block's count is %d", count))
			return false
		}
		count = -count
		size := r.varint("a block's size")
		if uint64(size) > uint64(r.Remaining()) {
			r.fail(ErrMalformed, start, fmt.Sprintf("a block's size is %d, but %d bytes are left", size, r.Remaining()))
		}
		if r.err != nil {
			return false
		}
		room = int(size)
		b.end = r.pos + room
	}
	return r.admit(b, start, count, room, minItem)
}

// admit takes a block's count if its items can be there.
func (r *Reader) admit(b *Block, start int, count int64, room, minItem int) bool {
	if minItem > 0 {
		if count > int64(room/minItem) {
			r.fail(ErrMalformed, start, fmt.Sprintf("a block claims %d items of at least %d bytes in %d bytes",
				count, minItem, room))
			return false
		}
	} else {
		if count > int64(r.zeroItems) {
			r.fail(ErrLimit, start, fmt.Sprintf("a block claims %d items that take no bytes, the limit is %d in all",
				count, r.zeroItems))
			return false
		}
		r.zeroItems -= int(count)
	}
	b.Len = int(count)
	return true
}

// Charge counts n further bytes of memory against the limit and returns false if that is too much.
func (r *Reader) Charge(n int) bool {
	if n < 0 || n > r.alloc {
		r.fail(ErrLimit, r.pos, "the value would take too much memory")
		return false
	}
	r.alloc -= n
	return r.err == nil
}

// Grow returns s with room for n more elements, which NextBlock admitted, charged to r's limit of memory. If that
// goes too far r fails and s is returned as it was. Elements between len and cap may hold values of an earlier use.
func Grow[T any](r *Reader, s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	var zero T
	size := int(unsafe.Sizeof(zero))
	if size > 0 && n > math.MaxInt/size || !r.Charge(n*size) {
		return s
	}
	if cap(s) == 0 {
		return make([]T, 0, n)
	}
	return slices.Grow(s, n)
}

// Extend returns s with one more element, which holds whatever an earlier use left there: the caller sets all of it.
func Extend[T any](s []T) []T {
	if len(s) < cap(s) {
		return s[:len(s)+1]
	}
	var zero T
	return append(s, zero)
}

// GrowMap returns m, or a new map if it is nil, charging n more entries to r's limit of memory.
func GrowMap[V any](r *Reader, m map[string]V, n int) map[string]V {
	var entry struct {
		key   string
		value V
	}
	size := 2*int(unsafe.Sizeof(entry)) + 1 // maps keep free slots
	if n > math.MaxInt/size || !r.Charge(n*size) {
		n = 0
	}
	if m == nil {
		m = make(map[string]V, n)
	}
	return m
}

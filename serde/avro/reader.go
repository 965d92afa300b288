package avro

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"sync"
	"unsafe"
)

// Reader reads the primitives of one datum. Generated code keeps it on the stack:
//
//	var r avro.Reader
//	r.Reset(src, opts)
//	x.decode(&r)
//	return r.Finish()
//
// The first fault sticks: from then on every method returns a zero value at once and no block has items, so it is enough
// to look at Failed where a path element can be added. It allocates only for the one copy of src that strings and bytes
// point into (none with AliasInput), for a projection, and for an error. It is for one goroutine.
type Reader struct {
	buf []byte // becomes empty with the first fault, so that the quick paths fail
	pos int

	owned    bool // values may point into buf
	skipUTF8 bool
	derived  bool // buf is a projection: offsets mean nothing to the caller
	pathed   bool // err was found before reading began and has its whole path

	depth     int // levels left
	zeroItems int // items without bytes left
	alloc     int // bytes left

	err     *Error
	scratch *[]byte // buf's storage if it is a projection; Finish gives it back to pool
	pool    *sync.Pool

	step      *step  // how the record that comes next is read from a writer's bytes; nil if they are the reader's
	skipItems int    // items without bytes that may still be skipped or projected by the plan
	aside     *aside // for what a plan needs besides; Finish gives it back to pool
}

// maxPooled is the largest buffer that goes back to a pool.
const maxPooled = 1 << 20

// NewReader returns a reader of src. See Reset.
func NewReader(src []byte, opts DecodeOptions) Reader {
	var r Reader
	r.Reset(src, opts)
	return r
}

// Reset makes r read src, which must hold exactly one datum. With opts.Writer, src is projected here, and a fault in it
// makes r fail at once. The caller must not change src before Finish, and with AliasInput not as long as the
// decoded value lives.
func (r *Reader) Reset(src []byte, opts DecodeOptions) {
	*r = Reader{
		buf:       src,
		owned:     opts.AliasInput,
		skipUTF8:  opts.SkipUTF8,
		depth:     opts.Limits.maxDepth(),
		zeroItems: opts.Limits.maxZeroItems(),
		alloc:     opts.Limits.maxAlloc(len(src)),
	}
	if opts.Writer != nil && !opts.Writer.same {
		r.project(src, opts)
	}
}

// project replaces the writer's bytes by their projection, in which strings have been checked already.
func (r *Reader) project(src []byte, opts DecodeOptions) {
	w := opts.Writer
	r.skipUTF8 = true
	if w.root != nil && w.root.copies {
		if r.err = w.check(src, opts.Limits); r.err != nil {
			r.buf, r.pathed = nil, true
		}
		return
	}
	r.derived, r.owned = true, false
	r.pool = &w.pool
	if r.scratch, _ = r.pool.Get().(*[]byte); r.scratch == nil {
		r.scratch = new([]byte)
	}
	out, err := w.append((*r.scratch)[:0], src, opts.Limits)
	*r.scratch = out[:0]
	if err != nil {
		r.err, r.buf, r.pathed = pathed(err), nil, true
		return
	}
	r.buf = out
	r.alloc = opts.Limits.maxAlloc(max(len(src), len(out)))
}

// Failed reports whether a fault was met.
func (r *Reader) Failed() bool { return r.err != nil }

// Err returns the first fault, an *Error, or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// Finish returns the first fault, or one if bytes are left after the datum, or nil. Call it once, last.
func (r *Reader) Finish() error {
	if r.err == nil && r.pos != len(r.buf) {
		r.fail(ErrMalformed, r.pos, fmt.Sprintf("%d bytes follow the end of the datum", len(r.buf)-r.pos))
	}
	if r.scratch != nil {
		if cap(*r.scratch) <= maxPooled {
			r.pool.Put(r.scratch)
		}
		r.scratch, r.buf = nil, nil
	}
	if r.aside != nil {
		r.release()
	}
	return r.Err()
}

// Fail records a fault at the current position unless there is one already: generated code's own checks use it.
func (r *Reader) Fail(reason string) { r.fail(ErrMalformed, r.pos, reason) }

//go:noinline
func (r *Reader) fail(kind error, offset int, reason string) {
	if r.err != nil {
		return
	}
	if r.derived {
		offset = -1
	}
	r.err = &Error{Reason: reason, Offset: offset, Kind: kind}
	r.buf, r.pos = nil, 0
}

// InField prepends a field's name to the path of the fault. Call it only if Failed.
func (r *Reader) InField(name string) { r.in(name) }

// InIndex prepends an array index to the path of the fault. Call it only if Failed.
func (r *Reader) InIndex(i int) { r.in(indexElement(i)) }

// InKey prepends a map key to the path of the fault. Call it only if Failed.
func (r *Reader) InKey(key string) { r.in(keyElement(key)) }

//go:noinline
func (r *Reader) in(element string) {
	if !r.pathed {
		r.err.prepend(element)
	}
}

// Remaining is the number of bytes that were not read yet.
func (r *Reader) Remaining() int { return len(r.buf) - r.pos }

// Enter goes one level deeper; generated code calls it at the start of every record that can contain itself, and Leave
// at its end. It returns false if that is too deep.
func (r *Reader) Enter() bool {
	r.depth--
	if r.depth < 0 {
		r.fail(ErrLimit, r.pos, "records are nested too deeply")
		return false
	}
	return true
}

// Leave goes one level up.
func (r *Reader) Leave() { r.depth++ }

// Boolean reads a boolean.
func (r *Reader) Boolean() bool {
	if r.pos < len(r.buf) && r.buf[r.pos] <= 1 {
		r.pos++
		return r.buf[r.pos-1] == 1
	}
	r.badBoolean()
	return false
}

func (r *Reader) badBoolean() {
	if r.pos >= len(r.buf) {
		r.truncated(r.pos, "a boolean")
		return
	}
	r.fail(ErrMalformed, r.pos, fmt.Sprintf("a boolean must be 0 or 1, this byte is %d", r.buf[r.pos]))
}

//go:noinline
func (r *Reader) truncated(offset int, what string) {
	r.fail(ErrMalformed, offset, "the bytes end within "+what)
}

// Int reads an int.
func (r *Reader) Int() int32 {
	if r.pos < len(r.buf) && r.buf[r.pos] < 0x80 {
		b := int32(r.buf[r.pos])
		r.pos++
		return b>>1 ^ -(b & 1)
	}
	return r.int()
}

func (r *Reader) int() int32 {
	start := r.pos
	v := r.long("an int")
	if v < math.MinInt32 || v > math.MaxInt32 {
		r.fail(ErrMalformed, start, fmt.Sprintf("an int must fit 32 bits, this one is %d", v))
		return 0
	}
	return int32(v)
}

// Long reads a long.
func (r *Reader) Long() int64 {
	if r.pos < len(r.buf) && r.buf[r.pos] < 0x80 {
		b := int64(r.buf[r.pos])
		r.pos++
		return b>>1 ^ -(b & 1)
	}
	return r.long("a long")
}

func (r *Reader) long(what string) int64 {
	buf := r.buf[r.pos:]
	if len(buf) >= 8 {
		x := binary.LittleEndian.Uint64(buf)
		if stops := ^x & highBits; stops != 0 {
			r.pos += bits.TrailingZeros64(stops)>>3 + 1
			u := compact(x & (stops ^ (stops - 1))) // nothing above the first stop
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	var u uint64
	for i, b := range buf {
		if i == 9 && b > 1 {
			r.fail(ErrMalformed, r.pos, what+" takes more than 64 bits")
			return 0
		}
		u |= uint64(b&0x7f) << (7 * uint(i))
		if b < 0x80 {
			r.pos += i + 1
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	r.truncated(r.pos, what)
	return 0
}

// Float reads a float.
func (r *Reader) Float() float32 {
	if len(r.buf)-r.pos < 4 {
		r.truncated(r.pos, "a float")
		return 0
	}
	v := binary.LittleEndian.Uint32(r.buf[r.pos:])
	r.pos += 4
	return math.Float32frombits(v)
}

// Double reads a double.
func (r *Reader) Double() float64 {
	if len(r.buf)-r.pos < 8 {
		r.truncated(r.pos, "a double")
		return 0
	}
	v := binary.LittleEndian.Uint64(r.buf[r.pos:])
	r.pos += 8
	return math.Float64frombits(v)
}

// String reads a string.
func (r *Reader) String() string {
	if r.pos < len(r.buf) && r.owned {
		if size := r.buf[r.pos]; size&0x81 == 0 && size != 0 { // one byte says the length
			start := r.pos + 1
			end := start + int(size>>1)
			if end <= len(r.buf) {
				b := r.buf[start:end]
				if len(b) >= 8 && isASCII(b) || r.skipUTF8 || validText(b) {
					r.pos = end
					return unsafe.String(&b[0], len(b))
				}
			}
		}
	}
	return r.anyString()
}

func (r *Reader) anyString() string {
	start := r.pos
	n := r.length("the length of a string")
	if n == 0 {
		return ""
	}
	if !r.owned {
		r.own()
	}
	b := r.buf[r.pos : r.pos+n]
	if !r.skipUTF8 && !validText(b) {
		r.fail(ErrMalformed, start, "the string is not valid UTF-8")
		return ""
	}
	r.pos += n
	// The bytes never change from here on: they are the reader's own copy, or the caller promised it (AliasInput).
	return unsafe.String(&b[0], n)
}

// Key reads the key of a map's entry: a string, whose fault says that it is a key.
func (r *Reader) Key() string {
	failed := r.err != nil
	key := r.String()
	if r.err != nil && !failed {
		r.err.Reason = "a map's key: " + r.err.Reason
	}
	return key
}

// Bytes reads bytes. The slice is never nil unless the reader failed, and its capacity ends with it.
func (r *Reader) Bytes() []byte {
	n := r.length("the length of bytes")
	if n == 0 {
		if r.err != nil {
			return nil
		}
		return []byte{}
	}
	if !r.owned {
		r.own()
	}
	b := r.buf[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b
}

// own makes a copy of all bytes that values may point into from now on.
func (r *Reader) own() {
	own := make([]byte, len(r.buf))
	copy(own, r.buf)
	r.buf, r.owned = own, true
}

// varint reads a long; what says what it is for.
func (r *Reader) varint(what string) int64 {
	if r.pos < len(r.buf) && r.buf[r.pos] < 0x80 {
		b := int64(r.buf[r.pos])
		r.pos++
		return b>>1 ^ -(b & 1)
	}
	return r.long(what)
}

// length reads the length of a string or bytes, which the remaining bytes can hold.
func (r *Reader) length(what string) int {
	start := r.pos
	if start < len(r.buf) {
		if size := r.buf[start]; size&0x81 == 0 && int(size>>1) < len(r.buf)-start { // one byte says it
			r.pos++
			return int(size >> 1)
		}
	}
	v := r.long(what)
	if uint64(v) > uint64(len(r.buf)-r.pos) {
		r.badLength(start, v, what)
		return 0
	}
	return int(v)
}

func (r *Reader) badLength(start int, v int64, what string) {
	if v < 0 {
		r.fail(ErrMalformed, start, fmt.Sprintf("%s is %d", what, v))
		return
	}
	r.fail(ErrMalformed, start, fmt.Sprintf("%s is %d, but %d bytes are left", what, v, len(r.buf)-r.pos))
}

// Fixed reads a fixed of the size of dst into dst.
func (r *Reader) Fixed(dst []byte) {
	if len(r.buf)-r.pos < len(dst) {
		r.truncated(r.pos, fmt.Sprintf("a fixed of %d bytes", len(dst)))
		return
	}
	copy(dst, r.buf[r.pos:])
	r.pos += len(dst)
}

// Enum reads the index of one of an enum's n symbols.
func (r *Reader) Enum(n int) int {
	if r.pos < len(r.buf) {
		b := int(r.buf[r.pos])
		if b < 0x80 && b&1 == 0 && b>>1 < n {
			r.pos++
			return b >> 1
		}
	}
	return r.index(n, "an enum's index", "symbols")
}

// Union reads the index of one of a union's n branches. It returns -1 if the reader failed, so that no branch is read.
func (r *Reader) Union(n int) int {
	if r.pos < len(r.buf) {
		b := int(r.buf[r.pos])
		if b < 0x80 && b&1 == 0 && b>>1 < n {
			r.pos++
			return b >> 1
		}
	}
	if i := r.index(n, "a union's index", "branches"); r.err == nil {
		return i
	}
	return -1
}

func (r *Reader) index(n int, what, of string) int {
	start := r.pos
	v := r.long(what)
	if v < 0 || v >= int64(n) {
		r.fail(ErrMalformed, start, fmt.Sprintf("%s is %d, but there are %d %s", what, v, n, of))
		return 0
	}
	return int(v)
}

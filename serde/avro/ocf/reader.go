package ocf

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// ReaderOptions say how to read a file. The zero value is good.
type ReaderOptions struct {
	// MaxBlock bounds what a block may take in bytes, compressed or not; 0 is DefaultMaxBlock.
	MaxBlock int
}

// Reader reads the data of a container file one by one. It is for one goroutine.
type Reader struct {
	in     counter
	meta   map[string][]byte
	schema *schema.Schema
	data   *avro.Validator
	codec  *expander
	sync   [syncSize]byte
	most   int

	packed []byte // the block as it stands in the file
	block  []byte // the block, decompressed
	pos    int    // in block
	left   int64  // data of the block that were not returned yet
	start  int64  // where the block begins in the file
	datum  int64  // number of the next datum
	err    error  // sticks
}

// NewReader reads the header. It buffers, so in may be ahead of what was read.
func NewReader(in io.Reader, opts ReaderOptions) (*Reader, error) {
	r := &Reader{in: counter{bufio.NewReaderSize(in, 32<<10), 0}, most: opts.MaxBlock}
	if r.most <= 0 {
		r.most = DefaultMaxBlock
	}
	if err := r.header(); err != nil {
		return nil, &Error{Datum: -1, Cause: cutOff(err, "the header")}
	}
	return r, nil
}

func (r *Reader) header() error {
	var start [len(magic)]byte
	if err := r.in.full(start[:]); err != nil {
		return err
	}
	switch {
	case string(start[:3]) == magic[:3] && start[3] == 0:
		return malformed("this is the file format of Avro before 1.3; have a newer Avro library write it again")
	case string(start[:]) != magic:
		return malformed("this is no Avro object container file: it begins with %q and not with %q", start[:], magic)
	}
	if err := r.readMeta(); err != nil {
		return err
	}
	if err := r.in.full(r.sync[:]); err != nil {
		return err
	}
	var err error
	codec := Codec(r.meta[metaCodec])
	if codec == "" {
		codec = Null
	}
	if r.codec, err = newExpander(codec, r.most); err != nil {
		return err
	}
	text, ok := r.meta[metaSchema]
	if !ok {
		return malformed("there is no %s", metaSchema)
	}
	// What older libraries wrote counts, too: names and defaults that a registry would refuse.
	if r.schema, err = schema.Parse(string(text), schema.Lenient()); err != nil {
		return malformed("%s: %v", metaSchema, err)
	}
	r.data, err = avro.NewValidator(r.schema)
	return err
}

// readMeta reads the map of metadata.
func (r *Reader) readMeta() error {
	r.meta = map[string][]byte{}
	for {
		count, err := r.in.long()
		if err != nil || count == 0 {
			return err
		}
		if count < 0 {
			if _, err := r.in.long(); err != nil { // the block's size in bytes
				return err
			}
			count = -count
		}
		if count < 0 || count > maxMeta-int64(len(r.meta)) {
			return fmt.Errorf("%w: more than %d entries of metadata", avro.ErrLimit, maxMeta)
		}
		for range count {
			key, err := r.metaBytes()
			if err != nil {
				return err
			}
			if r.meta[string(key)], err = r.metaBytes(); err != nil {
				return err
			}
		}
	}
}

func (r *Reader) metaBytes() ([]byte, error) {
	n, err := r.in.long()
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, malformed("a length of %d in the metadata", n)
	}
	if n > maxHeader-r.in.n {
		return nil, tooLarge("the metadata", maxHeader)
	}
	return r.in.grow(nil, int(n))
}

// Schema returns the schema that the file was written with.
func (r *Reader) Schema() *schema.Schema { return r.schema }

// Codec returns the file's compression.
func (r *Reader) Codec() Codec { return r.codec.codec }

// Meta returns the file's metadata, those of Avro (avro.schema, avro.codec) among them. The caller must not change it.
func (r *Reader) Meta() map[string][]byte { return r.meta }

// Next returns the encoding of the next datum, which has been checked against the schema: it is what an avro.Codec or a
// generated DecodeAvro takes. The bytes are good until the next call. At the end of the file the error is io.EOF;
// otherwise it is an *Error, and comes again.
func (r *Reader) Next() ([]byte, error) {
	for r.err == nil && r.left == 0 {
		r.nextBlock()
	}
	if r.err != nil {
		return nil, r.err
	}
	rest := r.block[r.pos:]
	n, err := r.data.Measure(rest)
	if err != nil {
		return nil, r.fail(r.datum, err)
	}
	r.pos += n
	r.left--
	r.datum++
	if r.left == 0 && r.pos != len(r.block) {
		return nil, r.fail(-1, malformed("%d bytes follow the block's last datum", len(r.block)-r.pos))
	}
	return rest[:n:n], nil
}

func (r *Reader) fail(datum int64, cause error) error {
	if r.err == nil {
		r.err = &Error{Offset: r.start, Datum: datum, Cause: cause}
	}
	return r.err
}

// nextBlock reads and decompresses a block, or sets err.
func (r *Reader) nextBlock() {
	r.start = r.in.n
	count, err := r.in.long()
	if errors.Is(err, io.EOF) && r.in.n == r.start {
		r.err = io.EOF
		return
	}
	if err == nil {
		err = r.readBlock(count)
	}
	if err != nil {
		_ = r.fail(-1, cutOff(err, "a block"))
	}
}

func (r *Reader) readBlock(count int64) error {
	size, err := r.in.long()
	switch {
	case err != nil:
		return err
	case count < 0 || size < 0:
		return malformed("a block of %d data in %d bytes", count, size)
	case size > int64(r.most):
		return tooLarge("the block", r.most)
	}
	if r.packed, err = r.in.grow(r.packed[:0], int(size)); err != nil {
		return err
	}
	var end [syncSize]byte
	if err := r.in.full(end[:]); err != nil {
		return err
	}
	if end != r.sync {
		return malformed("the block does not end with the file's sync marker")
	}
	r.pos, r.left = 0, count
	if r.codec.codec == Null {
		r.block = r.packed
	} else if r.block, err = r.codec.expand(r.block[:0], r.packed); err != nil {
		return err
	}
	switch {
	case count == 0 && len(r.block) > 0:
		return malformed("a block of no data holds %d bytes", len(r.block))
	case count > int64(len(r.block)) && count > maxEmpty:
		return fmt.Errorf("%w: a block claims %d data in %d bytes", avro.ErrLimit, count, len(r.block))
	}
	return nil
}

// Values iterates over the rest of a file as values of a generated type, whatever schema it was written with. What the
// type's schema cannot read, and a fault in the file, come as the last pair. opts add to how values are decoded;
// Writer is set here, and AliasInput is not allowed, because the bytes are used again.
//
//	for event, err := range ocf.Values[audit.AuditEvent](reader, avro.DecodeOptions{}) { … }
func Values[T any, P interface {
	*T
	avro.Datum
}](r *Reader, opts avro.DecodeOptions) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		text, _ := P(new(T)).AvroSchema()
		own, err := schema.Parse(text)
		if err == nil {
			opts.Writer, err = avro.Resolve(r.schema, own)
		}
		if err != nil {
			yield(nil, &Error{Datum: -1, Cause: err})
			return
		}
		opts.AliasInput = false
		for {
			datum, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			v := new(T)
			if err == nil {
				if err = P(v).DecodeAvro(datum, opts); err != nil {
					err = &Error{Offset: r.start, Datum: r.datum - 1, Cause: err}
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// cutOff says of an end of the file where there must be more what it is.
func cutOff(err error, what string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("the file ends within %s", what)
	}
	return err
}

// counter reads and knows how far it is.
type counter struct {
	in *bufio.Reader
	n  int64
}

func (c *counter) full(dst []byte) error {
	n, err := io.ReadFull(c.in, dst)
	c.n += int64(n)
	return err
}

// grow appends n bytes to dst. Memory is taken as bytes come, not as they are claimed.
func (c *counter) grow(dst []byte, n int) ([]byte, error) {
	if cap(dst)-len(dst) >= n {
		at := len(dst)
		dst = dst[:at+n]
		return dst, c.full(dst[at:])
	}
	buf := bytes.NewBuffer(dst)
	got, err := io.CopyN(buf, c.in, int64(n))
	c.n += got
	return buf.Bytes(), err
}

// long reads a long: zigzag, base 128.
func (c *counter) long() (int64, error) {
	var u uint64
	for shift := uint(0); ; shift += 7 {
		b, err := c.in.ReadByte()
		if err != nil {
			return 0, err
		}
		c.n++
		if shift == 63 && b > 1 {
			return 0, malformed("a number takes more than 64 bits")
		}
		u |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	return int64(u>>1) ^ -int64(u&1), nil
}

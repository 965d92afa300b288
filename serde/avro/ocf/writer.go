package ocf

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// DefaultBlock is how many bytes a writer collects before it writes a block.
const DefaultBlock = 64 << 10

// WriterOptions say how to write a file. The zero value is good.
type WriterOptions struct {
	// Codec compresses blocks: Null, Deflate, Snappy or Zstandard; "" is Null.
	Codec Codec
	// Block is how many bytes of data, before compression, make a block; 0 is DefaultBlock.
	Block int
	// Meta is further metadata for the header. Names that begin with "avro." are Avro's own.
	Meta map[string][]byte
}

// Writer writes a container file. Nothing is complete before Close. It is for one goroutine.
type Writer struct {
	out   io.Writer
	data  *avro.Validator
	text  string // the schema as it stands in the header
	codec *packer
	sync  [syncSize]byte
	most  int
	fits  string // the text of a type's schema that is the file's

	block  []byte // data that were not written yet
	count  int64
	packed []byte
	frame  []byte
	err    error // sticks: what was written may be cut off
}

// NewWriter writes the header, with the schema so that it stands alone.
func NewWriter(out io.Writer, s *schema.Schema, opts WriterOptions) (*Writer, error) {
	w := &Writer{out: out, most: opts.Block}
	if w.most <= 0 {
		w.most = DefaultBlock
	}
	if opts.Codec == "" {
		opts.Codec = Null
	}
	var err error
	if w.data, err = avro.NewValidator(s); err != nil {
		return nil, err
	}
	w.text = s.Resolved()
	if w.codec, err = newPacker(opts.Codec); err != nil {
		return nil, err
	}
	if _, err := rand.Read(w.sync[:]); err != nil {
		return nil, err
	}
	meta := map[string][]byte{metaSchema: []byte(w.text), metaCodec: []byte(opts.Codec)}
	for name, value := range opts.Meta {
		if strings.HasPrefix(name, metaPrefix) {
			return nil, fmt.Errorf("ocf: the metadata %.64q has a name that is Avro's own", name)
		}
		meta[name] = value
	}
	return w, w.header(meta)
}

func (w *Writer) header(meta map[string][]byte) error {
	head := avro.AppendLong([]byte(magic), int64(len(meta)))
	for _, name := range slices.Sorted(maps.Keys(meta)) {
		head = avro.AppendBytes(avro.AppendString(head, name), meta[name])
	}
	head = append(avro.AppendEnd(head), w.sync[:]...)
	_, err := w.out.Write(head)
	return err
}

// Append adds the encoding of one datum, which is checked against the schema. A datum that does not fit is left out, with an
// *avro.Error, and the file is as good as before.
func (w *Writer) Append(datum []byte) error {
	if w.err != nil {
		return w.err
	}
	n, err := w.data.Measure(datum)
	if err == nil && n != len(datum) {
		err = &avro.Error{Reason: fmt.Sprintf("%d bytes follow the end of the datum", len(datum)-n), Offset: n, Kind: avro.ErrMalformed}
	}
	if err != nil {
		return err
	}
	w.block = append(w.block, datum...)
	return w.added()
}

// Encode adds a value of a generated type. Its schema must be the file's. A value that does not fit is left out, with
// an *avro.Error that names the field, and the file is as good as before.
func (w *Writer) Encode(v avro.Datum) error {
	if w.err != nil {
		return w.err
	}
	if err := w.accepts(v); err != nil {
		return err
	}
	block, err := v.AppendAvro(w.block)
	if err != nil {
		return err
	}
	w.block = block
	return w.added()
}

// accepts looks whether a value's schema is the file's; the text of the last one that was is remembered.
func (w *Writer) accepts(v avro.Datum) error {
	text, _ := v.AvroSchema()
	if text == w.fits && text != "" {
		return nil
	}
	s, err := schema.Parse(text)
	if err != nil {
		return err
	}
	if s.Resolved() != w.text {
		return fmt.Errorf("%w: the value's schema (%s) is not the file's", avro.ErrSchema, s.Root().FullName())
	}
	w.fits = text
	return nil
}

func (w *Writer) added() error {
	w.count++
	if len(w.block) >= w.most || w.count >= maxEmpty {
		return w.Flush()
	}
	return nil
}

// Flush writes what was collected as a block. An error sticks.
func (w *Writer) Flush() error {
	if w.err != nil || w.count == 0 {
		return w.err
	}
	packed, err := w.codec.pack(w.packed[:0], w.block)
	if err == nil {
		w.frame = avro.AppendLong(w.frame[:0], w.count)
		w.frame = avro.AppendBytes(w.frame, packed)
		w.frame = append(w.frame, w.sync[:]...)
		_, err = w.out.Write(w.frame)
	}
	if err != nil {
		w.err = fmt.Errorf("avro file: write a block: %w", err)
		return w.err
	}
	if w.codec.codec != Null {
		w.packed = packed
	}
	w.block, w.count = w.block[:0], 0
	return nil
}

var errClosed = errors.New("avro file: the writer is closed")

// Close writes what is left. It does not close the underlying writer, nor flush it to disk.
func (w *Writer) Close() error {
	if errors.Is(w.err, errClosed) {
		return nil
	}
	err := w.Flush()
	if w.err == nil {
		w.err = errClosed
	}
	return err
}

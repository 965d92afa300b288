package ocf_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/internal/bench/sale"
	"github.com/typelog/typelog/serde/avro/ocf"
	"github.com/typelog/typelog/serde/avro/schema"
)

func parse(t testing.TB, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func saleSchema(t testing.TB) *schema.Schema {
	text, _ := new(sale.Sale).AvroSchema()
	return parse(t, text)
}

// write returns a file with n sales in blocks of about 1 KiB.
func write(t testing.TB, codec ocf.Codec, n int) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := ocf.NewWriter(&file, saleSchema(t), ocf.WriterOptions{Codec: codec, Block: 1 << 10, Meta: map[string][]byte{"origin": []byte("test")}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		v := sale.Example(i%2 == 0)
		v.Revision = int64(i)
		if err := w.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

var codecs = []ocf.Codec{ocf.Null, ocf.Deflate, ocf.Snappy, ocf.Zstandard}

func TestBothWays(t *testing.T) {
	const n = 100
	for _, codec := range codecs {
		t.Run(string(codec), func(t *testing.T) {
			file := write(t, codec, n)
			r, err := ocf.NewReader(iotest.OneByteReader(bytes.NewReader(file)), ocf.ReaderOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Codec() != codec || string(r.Meta()["origin"]) != "test" || r.Schema().Resolved() != saleSchema(t).Resolved() {
				t.Errorf("the header says %s, %q", r.Codec(), r.Meta())
			}
			i := 0
			for got, err := range ocf.Values[sale.Sale](r, avro.DecodeOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				want := sale.Example(i%2 == 0)
				want.Revision = int64(i)
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("sale %d is %+v", i, got)
				}
				i++
			}
			if i != n {
				t.Errorf("read %d sales, want %d", i, n)
			}
		})
	}
}

// Parts of files, byte by byte.
const (
	start  = "4f626a01"
	schemL = "16617672 6f2e736368656d61" // "avro.schema"
	codecL = "146176726f2e636f646563"    // "avro.codec"
	long   = "0c226c6f6e6722"            // "\"long\""
	marker = "000102030405060708090a0b0c0d0e0f"
)

func bytesOf(t testing.TB, parts ...string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(parts, ""), " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGolden reads a file that was put together by hand: the metadata in two blocks, the second with its size.
func TestGolden(t *testing.T) {
	file := bytesOf(t, start, "02", schemL, long, "01", "08", "0261", "02ff", "00", marker, "04 06 02 8001", marker, "00 00", marker, "02 02 03", marker)
	r, err := ocf.NewReader(bytes.NewReader(file), ocf.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Codec() != ocf.Null || string(r.Meta()["a"]) != "\xff" {
		t.Errorf("codec %s, metadata %q", r.Codec(), r.Meta())
	}
	for _, want := range []string{"02", "8001", "03"} {
		if datum, err := r.Next(); err != nil || hex.EncodeToString(datum) != want {
			t.Errorf("datum %x, %v; want %s", datum, err, want)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// TestGoldenCodecs: one block that holds the long 1, as the formats of the codecs have it.
func TestGoldenCodecs(t *testing.T) {
	for codec, block := range map[ocf.Codec]string{
		ocf.Null:      "02",
		ocf.Deflate:   "01 0100 feff 02",
		"deflate ":    "01 0100 feff 02 000000", // with a part of zlib's checksum, as Python's library leaves it there
		ocf.Snappy:    "01 00 02 3c0c8ea1",
		ocf.Zstandard: "28b52ffd 20 01 090000 02",
		ocf.Bzip2:     "425a6839314159265359b8757b2500000040001000200021184682ee48a70a12170eaf64a0",
	} {
		name := strings.TrimSpace(string(codec))
		body := bytesOf(t, block)
		file := bytesOf(t, start, "04", schemL, long, codecL, fmt.Sprintf("%02x%x00", 2*len(name), name), marker,
			"02", fmt.Sprintf("%02x%x", 2*len(body), body), marker)
		r, err := ocf.NewReader(bytes.NewReader(file), ocf.ReaderOptions{})
		if err != nil {
			t.Errorf("%s: %v", codec, err)
			continue
		}
		if datum, err := r.Next(); err != nil || string(datum) != "\x02" {
			t.Errorf("%s: datum %x, %v", codec, datum, err)
		}
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("%s: at the end: %v", codec, err)
		}
	}
}

func TestFaults(t *testing.T) {
	header := start + "02" + schemL + long + "00" + marker
	withCodec := func(name string) string {
		return start + "04" + schemL + long + codecL + fmt.Sprintf("%02x", 2*len(name)) + hex.EncodeToString([]byte(name)) + "00" + marker
	}
	tests := map[string]struct {
		file string
		kind error
		says string
	}{
		"empty":                  {"", avro.ErrMalformed, "ends within the header"},
		"text":                   {"7b7d0a0a", avro.ErrMalformed, "no Avro object container"},
		"old format":             {"4f626a00", avro.ErrMalformed, "before 1.3"},
		"cut in the header":      {start + "0216", avro.ErrMalformed, "ends within the header"},
		"no schema":              {start + "00" + marker, avro.ErrMalformed, "no avro.schema"},
		"bad schema":             {start + "02" + schemL + "0278" + "00" + marker, avro.ErrMalformed, "avro.schema"},
		"endless metadata":       {start + "feffffffffffffffff01", avro.ErrLimit, "entries of metadata"},
		"negative metadata":      {start + "ffffffffffffffffff01" + "00", avro.ErrLimit, "entries of metadata"},
		"huge metadata":          {start + "02" + "80808080808080800a", avro.ErrLimit, "metadata"},
		"xz":                     {withCodec("xz"), ocf.ErrCodec, "xz"},
		"other codec":            {withCodec("lzma"), ocf.ErrCodec, "lzma"},
		"huge block":             {header + "02" + "8080808010", avro.ErrLimit, "bytes"},
		"block that ends early":  {header + "02" + "80808008" + "02", avro.ErrMalformed, "ends within a block"},
		"negative count":         {header + "01" + "00" + marker, avro.ErrMalformed, "a block of -1 data"},
		"negative size":          {header + "02" + "01" + marker, avro.ErrMalformed, "in -1 bytes"},
		"other marker":           {header + "02" + "02" + "02" + strings.Repeat("00", 16), avro.ErrMalformed, "sync marker"},
		"cut marker":             {header + "02" + "02" + "02" + marker[:30], avro.ErrMalformed, "ends within a block"},
		"more data than bytes":   {header + "04" + "02" + "02" + marker, avro.ErrMalformed, "datum 1 "},
		"more bytes than data":   {header + "02" + "04" + "0202" + marker, avro.ErrMalformed, "follow the block's last datum"},
		"bytes without data":     {header + "00" + "02" + "02" + marker, avro.ErrMalformed, "no data"},
		"claims of nothing":      {header + "feffffffff1f" + "00" + marker, avro.ErrLimit, "data in 0 bytes"},
		"count of too many bits": {header + "ffffffffffffffffff03", avro.ErrMalformed, "64 bits"},
		"deflate of nothing":     {withCodec("deflate") + "02" + "04" + "ffff" + marker, avro.ErrMalformed, "deflate"},
		"snappy without sum":     {withCodec("snappy") + "02" + "04" + "0100" + marker, avro.ErrMalformed, "checksum"},
		"snappy with another":    {withCodec("snappy") + "02" + "0e" + "01000a" + "00000000" + marker, avro.ErrMalformed, "the block says 00000000"},
		"snappy that explodes":   {withCodec("snappy") + "02" + "14" + "8080800100" + "0000000000" + marker, avro.ErrMalformed, "cannot become"},
		"zstandard of nothing":   {withCodec("zstandard") + "02" + "04" + "ffff" + marker, avro.ErrMalformed, "zstandard"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := drain(bytes.NewReader(bytesOf(t, tt.file)), ocf.ReaderOptions{})
			var fault *ocf.Error
			if !errors.Is(err, tt.kind) || !errors.As(err, &fault) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v; want %v that says %q", err, tt.kind, tt.says)
			}
		})
	}
}

// drain reads a file to its end and returns what it ended with; nil is a good end.
func drain(in io.Reader, opts ocf.ReaderOptions) error {
	r, err := ocf.NewReader(in, opts)
	for err == nil {
		_, err = r.Next()
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// TestCutAnywhere: a file that ends early is never read as a whole one, except between blocks.
func TestCutAnywhere(t *testing.T) {
	for _, codec := range codecs {
		file := write(t, codec, 5)
		good := 0
		for n := range file {
			if drain(bytes.NewReader(file[:n]), ocf.ReaderOptions{}) == nil {
				good++
			}
		}
		if blocks := 5; good > blocks {
			t.Errorf("%s: %d prefixes of a file of %d bytes read well", codec, good, len(file))
		}
	}
}

// TestBombs: what expands beyond the limit is refused, and no more memory is taken than the limit allows.
func TestBombs(t *testing.T) {
	for _, codec := range codecs {
		var file bytes.Buffer
		w, err := ocf.NewWriter(&file, parse(t, `"bytes"`), ocf.WriterOptions{Codec: codec})
		if err != nil {
			t.Fatal(err)
		}
		const size = 4 << 20
		if err := w.Append(avro.AppendBytes(nil, make([]byte, size))); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := drain(bytes.NewReader(file.Bytes()), ocf.ReaderOptions{}); err != nil {
			t.Errorf("%s: within the limit: %v", codec, err)
		}
		if err := drain(bytes.NewReader(file.Bytes()), ocf.ReaderOptions{MaxBlock: size / 2}); !errors.Is(err, avro.ErrLimit) {
			t.Errorf("%s: beyond the limit: %v", codec, err)
		}
	}
}

// TestWriterRefuses: what does not fit is left out, and the rest is a good file.
func TestWriterRefuses(t *testing.T) {
	var file bytes.Buffer
	w, err := ocf.NewWriter(&file, parse(t, `"string"`), ocf.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(avro.AppendString(nil, "one")); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "\x02\xff", "\x02aa"} {
		var fault *avro.Error
		if err := w.Append([]byte(bad)); !errors.As(err, &fault) {
			t.Errorf("Append(%x): %v", bad, err)
		}
	}
	if err := w.Encode(sale.Example(true)); !errors.Is(err, avro.ErrSchema) {
		t.Errorf("Encode of a value of another schema: %v", err)
	}
	if err := w.Append(avro.AppendString(nil, "two")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(avro.AppendString(nil, "three")); err == nil {
		t.Error("a closed writer takes more")
	}
	r, err := ocf.NewReader(&file, ocf.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\x06one", "\x06two"} {
		if got, err := r.Next(); string(got) != want || err != nil {
			t.Errorf("read %q, %v; want %q", got, err, want)
		}
	}
	if _, err := ocf.NewWriter(io.Discard, parse(t, `"string"`), ocf.WriterOptions{Codec: ocf.Bzip2}); !errors.Is(err, ocf.ErrCodec) {
		t.Errorf("writing bzip2: %v", err)
	}
	if _, err := ocf.NewWriter(io.Discard, parse(t, `"string"`), ocf.WriterOptions{Meta: map[string][]byte{"avro.codec": nil}}); err == nil {
		t.Error("avro.codec was taken as metadata of the user's")
	}
}

// TestWriteErrorSticks: behind a block that may have been cut off nothing is written.
func TestWriteErrorSticks(t *testing.T) {
	broken := errors.New("disk on fire")
	out := &failing{after: 1, err: broken}
	w, err := ocf.NewWriter(out, parse(t, `"string"`), ocf.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(avro.AppendString(nil, "x")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Flush(); !errors.Is(err, broken) {
			t.Errorf("Flush: %v", err)
		}
	}
	if err := w.Close(); !errors.Is(err, broken) || out.calls != 2 {
		t.Errorf("Close: %v after %d writes", err, out.calls)
	}
}

type failing struct {
	calls, after int
	err          error
}

func (f *failing) Write(b []byte) (int, error) {
	if f.calls++; f.calls > f.after {
		return 0, f.err
	}
	return len(b), nil
}

// TestValuesResolves reads a file of an older schema as today's type, and says what it cannot.
func TestValuesResolves(t *testing.T) {
	older := parse(t, sale.OlderSchema())
	c, err := avro.NewCodec(older)
	if err != nil {
		t.Fatal(err)
	}
	datum, err := c.FromJSON(nil, []byte(`{"number":"1","buyer":"b","remark":"","total":5,"revision":3,"state":"OPEN","desk":"d",
		"lines":[],"tags":{},"mass":1,"checksum":"","placed":0,"rebate":null}`))
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w, err := ocf.NewWriter(&file, older, ocf.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Append(datum), w.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := ocf.NewReader(&file, ocf.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for v, err := range ocf.Values[sale.Sale](r, avro.DecodeOptions{AliasInput: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; v.Buyer != "b" || v.Revision != 3 || v.Voucher.Valid {
			t.Errorf("read %+v", v)
		}
	}
	if n != 1 {
		t.Errorf("read %d values", n)
	}
	other, err := ocf.NewReader(bytes.NewReader(bytesOf(t, start, "02", schemL, long, "00", marker)), ocf.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range ocf.Values[sale.Sale](other, avro.DecodeOptions{}) {
		if n++; !errors.Is(err, avro.ErrSchema) {
			t.Errorf("a file of longs read as sales: %v", err)
		}
	}
	if n != 2 {
		t.Error("a file of longs was read as sales")
	}
}

func FuzzReader(f *testing.F) {
	for _, codec := range codecs {
		f.Add(write(f, codec, 1))
	}
	f.Add(bytesOf(f, start, "02", schemL, long, "01", "08", "0261", "02ff", "00", marker, "04 06 02 8001", marker))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := ocf.NewReader(bytes.NewReader(file), ocf.ReaderOptions{MaxBlock: 1 << 20})
		if err != nil {
			return
		}
		c, err := avro.NewCodec(r.Schema())
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			datum, err := r.Next()
			if err != nil {
				if _, again := r.Next(); again != err {
					t.Fatalf("%v, and then %v", err, again)
				}
				return
			}
			if err := c.Validate(datum); err != nil {
				t.Fatalf("handed out %x: %v", datum, err)
			}
		}
	})
}

// TestStreams: a file of any length is read in the memory of a block.
func TestStreams(t *testing.T) {
	const data, size = 4_000, 16 << 10 // 64 MiB
	in, out := io.Pipe()
	go func() {
		w, err := ocf.NewWriter(out, parse(t, `"bytes"`), ocf.WriterOptions{Codec: ocf.Snappy})
		datum := avro.AppendBytes(nil, make([]byte, size))
		for i := 0; err == nil && i < data; i++ {
			err = w.Append(datum)
		}
		if err == nil {
			err = w.Close()
		}
		out.CloseWithError(err)
	}()
	r, err := ocf.NewReader(in, ocf.ReaderOptions{MaxBlock: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	// What is held in the middle of the file, after the collector has run, is a few blocks and not what was read.
	held := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, middle := held(), int64(0)
	n := 0
	for ; ; n++ {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if n == data/2 {
			middle = held()
		}
	}
	if n != data {
		t.Errorf("read %d data", n)
	}
	if took := middle - before; took > 8<<20 {
		t.Errorf("in the middle of %d MiB, %d KiB are held", data*size>>20, took>>10)
	}
}

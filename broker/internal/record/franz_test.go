package record

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/contract"
)

// franz encodes a batch with franz-go's own encoder and compressor.
func franz(t *testing.T, recs []Record, codec *kgo.CompressionCodec) Batch {
	t.Helper()
	var payload []byte
	for i, rec := range recs {
		r := kmsg.Record{TimestampDelta64: rec.Timestamp - recs[0].Timestamp, OffsetDelta: int32(i), Key: rec.Key, Value: rec.Value}
		for _, h := range rec.Headers {
			r.Headers = append(r.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
		}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // a length of 0 is one byte
		payload = r.AppendTo(payload)
	}
	b := kmsg.NewRecordBatch()
	b.PartitionLeaderEpoch = -1
	b.Magic = 2
	b.LastOffsetDelta = int32(len(recs) - 1)
	b.FirstTimestamp, b.MaxTimestamp = recs[0].Timestamp, recs[0].Timestamp
	for _, rec := range recs {
		b.MaxTimestamp = max(b.MaxTimestamp, rec.Timestamp)
	}
	b.ProducerID, b.ProducerEpoch, b.FirstSequence = 12345, 6, 78
	b.NumRecords = int32(len(recs))
	if codec != nil {
		c, err := kgo.DefaultCompressor(*codec)
		if err != nil {
			t.Fatal(err)
		}
		out, kind := c.Compress(new(bytes.Buffer), payload)
		payload = append([]byte{}, out...)
		b.Attributes = int16(kind)
	}
	b.Records = payload
	b.Length = int32(HeaderSize - Overhead + len(payload))
	raw := b.AppendTo(nil)
	b.CRC = int32(Checksum(raw[CRCStart:], 0))
	return b.AppendTo(nil)
}

func TestBatchesOfFranzGoAreRead(t *testing.T) {
	gzip, snap, lz, zst := kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()
	codecs := NewCodecs(0)
	want := sample()
	for i, codec := range []*kgo.CompressionCodec{nil, &gzip, &snap, &lz, &zst} {
		b, err := Verify(franz(t, want, codec), Limits{})
		if err != nil {
			t.Fatalf("%s: %v", everyCompression[i], err)
		}
		if got := b.Attributes().Compression(); got != everyCompression[i] {
			t.Fatalf("compression %s, want %s", got, everyCompression[i])
		}
		r, err := codecs.Open(b)
		if err != nil {
			t.Fatalf("%s: %v", everyCompression[i], err)
		}
		equalRecords(t, collect(t, r), want)
		r.Close()
	}
}

func TestTheBuilderWritesWhatFranzGoWrites(t *testing.T) {
	b := Builder{LeaderEpoch: -1, Producer: &Producer{ID: 12345, Epoch: 6, Sequence: 78}}
	for _, rec := range sample() {
		b.Add(rec)
	}
	if got, want := b.Build(), franz(t, sample(), nil); !bytes.Equal(got, want) {
		t.Fatalf("differs:\n%s\n%s", hex.Dump(got[:128]), hex.Dump(want[:128]))
	}
}

func TestFranzGoReadsWhatTheBuilderWrites(t *testing.T) {
	codecs := NewCodecs(0)
	want := sample()
	for _, kind := range everyCompression {
		b, err := codecs.Repack(Of(want...), kind)
		if err != nil {
			t.Fatal(err)
		}
		b.SetBaseOffset(1000)
		next := 1000 + int64(len(want))
		log := append(append([]byte{}, b...), Marker{ProducerID: 1, Commit: true, Timestamp: 5}.Batch()...)
		Batch(log[len(b):]).SetBaseOffset(next)
		rp := kmsg.NewFetchResponseTopicPartition()
		rp.HighWatermark, rp.LastStableOffset = next+1, next+1
		rp.RecordBatches = log
		fp, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: "t", Offset: 1000, KeepControlRecords: true},
			&rp, kgo.DefaultDecompressor(), nil)
		if fp.Err != nil {
			t.Fatalf("%s: %v", kind, fp.Err)
		}
		var got []Record
		for i, r := range fp.Records {
			if r.Offset != 1000+int64(i) {
				t.Fatalf("%s: record %d has offset %d", kind, i, r.Offset)
			}
			if i == len(want) {
				if !r.Attrs.IsControl() || !bytes.Equal(r.Key, []byte{0, 0, 0, 1}) {
					t.Errorf("%s: the marker is %x, control %v", kind, r.Key, r.Attrs.IsControl())
				}
				continue
			}
			g := Record{Timestamp: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
			for _, h := range r.Headers {
				g.Headers = append(g.Headers, contract.Header{Key: h.Key, Value: h.Value})
			}
			got = append(got, g)
		}
		if len(fp.Records) != len(want)+1 {
			t.Fatalf("%s: %d records", kind, len(fp.Records))
		}
		equalRecords(t, got, want)
	}
}

// One batch, byte by byte as the package comment draws it, so that nothing moves unnoticed. The bytes are what
// franz-go's encoder makes of it too (TestTheBuilderWritesWhatFranzGoWrites compares the two).
func TestGoldenBytes(t *testing.T) {
	b := Builder{BaseOffset: 0x0102030405060708, LeaderEpoch: 0x11121314, Producer: &Producer{ID: 0x21, Epoch: 0x31, Sequence: 0x41}}
	b.Add(KV(1_700_000_000_000, []byte("key"), []byte("value"), contract.Header{Key: "h", Value: []byte{0xff}}))
	b.Add(KV(1_700_000_000_001, nil, nil))
	got := b.Build()
	want := "0102030405060708" + // base offset
		"0000004b" + // length: 75 bytes follow
		"11121314" + // leader epoch
		"02" +
		hex.EncodeToString(got[17:21]) + // CRC, compared below
		"0000" + "00000001" +
		"0000018bcfe56800" + "0000018bcfe56801" +
		"0000000000000021" + "0031" + "00000041" + "00000002" +
		"24" + "00" + "00" + "00" + "06" + hex.EncodeToString([]byte("key")) + "0a" + hex.EncodeToString([]byte("value")) +
		"02" + "02" + "68" + "02" + "ff" +
		"0c" + "00" + "02" + "02" + "01" + "01" + "00"
	if hex.EncodeToString(got) != want {
		t.Fatalf("\n%x, want\n%s", []byte(got), want)
	}
	if _, err := VerifyStored(got); err != nil {
		t.Error(err)
	}
}

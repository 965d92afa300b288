package record

import (
	"fmt"
	"testing"
)

// BenchmarkWayIn is what a batch of 1 KiB records from a client costs before the log sees it: header and CRC, then all
// records, which are decompressed.
func BenchmarkWayIn(b *testing.B) {
	codecs := NewCodecs(0)
	var recs []Record
	for i := range 100 {
		value := fmt.Appendf(nil, `{"id":%d,"actor":"user-%d","action":"update","note":"`, i, i*7919)
		for j := 0; len(value) < 1000; j++ {
			value = fmt.Appendf(value, "%x ", i*j*104729)
		}
		recs = append(recs, KV(1_700_000_000_000+int64(i), fmt.Appendf(nil, "key-%d", i), value))
	}
	plain := Of(recs...)
	b.Run("verify", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Verify(plain, Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, kind := range everyCompression {
		batch, err := codecs.Repack(plain, kind)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("check "+kind.String(), func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := codecs.Open(batch)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.Check(Rules{RequireKey: true}); err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
	}
}

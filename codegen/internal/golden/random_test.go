package golden_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

func seeded(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// source makes random data of a schema, in the one form that our encoders write: one block for all items, numbers and
// decimals as short as they can be, maps of at most entries entries.
type source struct {
	*rand.Rand
	entries int
}

// datum appends a random datum of a type. Deeper than some levels it chooses null and leaves arrays and maps empty.
func (s source) datum(dst []byte, t *schema.Type, depth int) []byte {
	if t.Logical != nil {
		return s.logical(dst, t)
	}
	switch t.Kind {
	case schema.Boolean:
		return append(dst, byte(s.IntN(2)))
	case schema.Int:
		return avro.AppendInt(dst, int32(s.Uint32())>>s.IntN(32))
	case schema.Long:
		return avro.AppendLong(dst, s.Int64()>>s.IntN(64))
	case schema.Float:
		return avro.AppendFloat(dst, float32(s.NormFloat64()))
	case schema.Double:
		return avro.AppendDouble(dst, s.NormFloat64()*math.MaxFloat32)
	case schema.Bytes:
		return avro.AppendBytes(dst, s.bytes(s.IntN(20)))
	case schema.String:
		return avro.AppendString(dst, s.text())
	case schema.Fixed:
		return append(dst, s.bytes(t.Size)...)
	case schema.Enum:
		return avro.AppendInt(dst, s.Int32N(int32(len(t.Symbols))))
	case schema.Record:
		for _, f := range t.Fields {
			dst = s.datum(dst, f.Type, depth+1)
		}
	case schema.Array:
		dst = s.items(dst, s.count(depth, 4), func(dst []byte) []byte { return s.datum(dst, t.Items, depth+1) })
	case schema.Map:
		dst = s.items(dst, min(s.count(depth, 5), s.entries), func(dst []byte) []byte {
			return s.datum(avro.AppendString(dst, s.text()), t.Items, depth+1)
		})
	case schema.Union:
		branch := s.IntN(len(t.Branches))
		for i, b := range t.Branches {
			if depth > 6 && b.Kind == schema.Null {
				branch = i
			}
		}
		dst = s.datum(avro.AppendInt(dst, int32(branch)), t.Branches[branch], depth+1)
	}
	return dst
}

func (s source) count(depth, most int) int {
	if depth > 6 {
		return 0
	}
	return s.IntN(most)
}

func (s source) items(dst []byte, n int, item func([]byte) []byte) []byte {
	if n > 0 {
		dst = avro.AppendBlock(dst, n)
		for range n {
			dst = item(dst)
		}
	}
	return avro.AppendEnd(dst)
}

func (s source) logical(dst []byte, t *schema.Type) []byte {
	small := s.Int64N(1<<40) - 1<<39
	switch t.Logical.Name {
	case "date":
		return avro.AppendInt(dst, int32(small))
	case "time-millis":
		return avro.AppendInt(dst, s.Int32N(86_400_000))
	case "time-micros":
		return avro.AppendLong(dst, s.Int64N(86_400_000_000))
	case "decimal":
		unscaled := small % 1_000_000
		if t.Kind == schema.Fixed {
			var b [8]byte
			binary.BigEndian.PutUint64(b[:], uint64(unscaled))
			return append(dst, b[:]...)
		}
		out, err := avro.AppendDecimal(dst, avro.NewDecimal(unscaled, t.Logical.Scale), t.Logical.Precision, t.Logical.Scale)
		if err != nil {
			panic(err)
		}
		return out
	case "big-decimal":
		return avro.AppendBigDecimal(dst, avro.NewDecimal(small, s.IntN(10)))
	case "uuid":
		if t.Kind == schema.String {
			return avro.AppendUUID(dst, avro.UUID(s.bytes(16)))
		}
		return append(dst, s.bytes(16)...)
	case "duration":
		return append(dst, s.bytes(12)...)
	}
	return avro.AppendLong(dst, small)
}

func (s source) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.Uint32())
	}
	return b
}

func (s source) text() string {
	var b strings.Builder
	for range s.IntN(12) {
		b.WriteRune([]rune("aZ0 _\"\\\u00e9\u4e16\U0001f600")[s.IntN(10)])
	}
	return b.String()
}

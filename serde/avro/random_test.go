package avro

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/typelog/typelog/serde/avro/schema"
)

// seeded returns a generator whose seed the test prints if it fails.
func seeded(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

func mustParse(t testing.TB, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Parse(text)
	if err != nil {
		t.Fatalf("parse %s: %v", text, err)
	}
	return s
}

// schemaMaker writes random schemas: every kind, logical types, recursion.
type schemaMaker struct {
	r       *rand.Rand
	plain   bool // no logical types
	n       int
	records []string // names that stand in the text
}

func randomSchema(r *rand.Rand) string {
	m := schemaMaker{r: r}
	return m.any(3)
}

var leaves = []string{`"null"`, `"boolean"`, `"int"`, `"long"`, `"float"`, `"double"`, `"bytes"`, `"string"`}

var logicalLeaves = []string{
	`{"type":"int","logicalType":"date"}`, `{"type":"int","logicalType":"time-millis"}`,
	`{"type":"long","logicalType":"time-micros"}`, `{"type":"long","logicalType":"timestamp-micros"}`,
	`{"type":"long","logicalType":"timestamp-millis"}`, `{"type":"string","logicalType":"uuid"}`,
	`{"type":"bytes","logicalType":"decimal","precision":12,"scale":3}`,
	`{"type":"bytes","logicalType":"decimal","precision":30,"scale":3}`,
}

func (m *schemaMaker) any(depth int) string {
	if depth <= 0 {
		return m.leaf()
	}
	switch m.r.IntN(12) {
	case 0, 1, 2, 3:
		return m.record(depth)
	case 4, 5:
		return `{"type":"array","items":` + m.any(depth-1) + `}`
	case 6:
		return `{"type":"map","values":` + m.any(depth-1) + `}`
	case 7, 8:
		return m.union(depth)
	case 9:
		m.n++
		symbols := []string{`"A"`, `"B"`, `"C"`, `"D"`}[:1+m.r.IntN(4)]
		return fmt.Sprintf(`{"type":"enum","name":"E%d","symbols":[%s]}`, m.n, strings.Join(symbols, ","))
	case 10:
		m.n++
		return fmt.Sprintf(`{"type":"fixed","name":"F%d","size":%d}`, m.n, m.r.IntN(20))
	}
	return m.leaf()
}

func (m *schemaMaker) leaf() string {
	if !m.plain && m.r.IntN(3) == 0 {
		return logicalLeaves[m.r.IntN(len(logicalLeaves))]
	}
	return leaves[m.r.IntN(len(leaves))]
}

func (m *schemaMaker) record(depth int) string {
	m.n++
	name := fmt.Sprintf("R%d", m.n)
	m.records = append(m.records, name)
	var fields []string
	for i := range m.r.IntN(5) {
		typ := ""
		if m.r.IntN(6) == 0 { // a recursive or repeated use that data can end
			typ = fmt.Sprintf(`["null","%s"]`, m.records[m.r.IntN(len(m.records))])
		} else {
			typ = m.any(depth - 1)
		}
		fields = append(fields, fmt.Sprintf(`{"name":"f%d","type":%s}`, i, typ))
	}
	return fmt.Sprintf(`{"type":"record","name":"%s","fields":[%s]}`, name, strings.Join(fields, ","))
}

func (m *schemaMaker) union(depth int) string {
	kinds := m.r.Perm(6)[:1+m.r.IntN(4)]
	var branches []string
	for _, k := range kinds {
		switch k {
		case 0:
			branches = append(branches, `"null"`)
		case 1:
			branches = append(branches, `"string"`)
		case 2:
			branches = append(branches, `"long"`)
		case 3:
			branches = append(branches, `{"type":"array","items":`+m.any(depth-1)+`}`)
		case 4:
			branches = append(branches, m.record(depth-1))
		case 5:
			branches = append(branches, `"double"`)
		}
	}
	return "[" + strings.Join(branches, ",") + "]"
}

// appendRandom appends a random datum of the type.
func appendRandom(r *rand.Rand, dst []byte, t *schema.Type, depth int) []byte {
	if t.Logical != nil {
		switch t.Logical.Name {
		case "uuid":
			if t.Kind == schema.String {
				var u UUID
				for i := range u {
					u[i] = byte(r.Uint32())
				}
				return AppendUUID(dst, u)
			}
		case "time-millis", "time-micros":
			return AppendLong(dst, r.Int64N(86_400_000))
		case "date":
			return AppendLong(dst, r.Int64N(40000)-10000)
		case "timestamp-millis", "timestamp-micros":
			return AppendLong(dst, r.Int64N(4e15)-1e15)
		case "decimal":
			d := NewDecimal(r.Int64N(int64(powers[min(12, t.Logical.Precision)]))*int64(1-2*r.IntN(2)), t.Logical.Scale)
			if t.Kind == schema.Fixed {
				return must(AppendDecimalFixed(dst, d, t.Size, t.Logical.Precision, t.Logical.Scale))
			}
			return must(AppendDecimal(dst, d, t.Logical.Precision, t.Logical.Scale))
		case "big-decimal":
			return AppendBigDecimal(dst, NewDecimal(r.Int64N(1e12), r.IntN(9)))
		}
	}
	switch t.Kind {
	case schema.Boolean:
		return AppendBoolean(dst, r.IntN(2) == 0)
	case schema.Int:
		return AppendInt(dst, int32(r.Uint32())>>r.IntN(32))
	case schema.Long:
		return AppendLong(dst, int64(r.Uint64())>>r.IntN(64))
	case schema.Float:
		return AppendFloat(dst, float32(r.NormFloat64()))
	case schema.Double:
		return AppendDouble(dst, r.NormFloat64()*math.Pow(10, float64(r.IntN(40)-20)))
	case schema.Bytes:
		return AppendBytes(dst, randomBytes(r, r.IntN(70)))
	case schema.String:
		return AppendString(dst, randomString(r))
	case schema.Fixed:
		return AppendFixed(dst, randomBytes(r, t.Size))
	case schema.Enum:
		return AppendInt(dst, int32(r.IntN(len(t.Symbols))))
	case schema.Union:
		i := r.IntN(len(t.Branches))
		if depth <= 0 {
			for j, b := range t.Branches {
				if b.Kind == schema.Null {
					i = j
				}
			}
		}
		return appendRandom(r, AppendInt(dst, int32(i)), t.Branches[i], depth-1)
	case schema.Array, schema.Map:
		return appendRandomBlocks(r, dst, t, depth-1)
	case schema.Record:
		for _, f := range t.Fields {
			dst = appendRandom(r, dst, f.Type, depth-1)
		}
	}
	return dst
}

func appendRandomBlocks(r *rand.Rand, dst []byte, t *schema.Type, depth int) []byte {
	for range r.IntN(3) {
		if depth <= 0 {
			break
		}
		n := 1 + r.IntN(3)
		var block []byte
		for range n {
			if t.Kind == schema.Map {
				block = AppendString(block, randomString(r))
			}
			block = appendRandom(r, block, t.Items, depth)
		}
		if r.IntN(3) == 0 {
			dst = AppendLong(AppendLong(dst, int64(-n)), int64(len(block)))
		} else {
			dst = AppendBlock(dst, n)
		}
		dst = append(dst, block...)
	}
	return AppendEnd(dst)
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func randomString(r *rand.Rand) string {
	const letters = "abcdefghijklmnop \"\\\x00ßäöü漢字🙂"
	runes := []rune(letters)
	out := make([]rune, r.IntN(20))
	for i := range out {
		out[i] = runes[r.IntN(len(runes))]
	}
	return string(out)
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

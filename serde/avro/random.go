package avro

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/typelog/typelog/serde/avro/schema"
)

// AppendRandom appends the encoding of a random value of the schema: for tests. Values are small (a few items, short texts)
// and of every shape: all branches, empty arrays, texts outside ASCII. Types that contain themselves end after a few
// levels.
func (c *Codec) AppendRandom(dst []byte, r *rand.Rand) []byte {
	m := randomMaker{Rand: r, root: c.schema.Root()}
	return m.datum(dst, m.root, 0)
}

// randomDepth is how many levels of types there are before a random value seeks its end.
const randomDepth = 6

type randomMaker struct {
	*rand.Rand
	root    *schema.Type
	heights map[*schema.Type]int // of records; see height
}

func (m *randomMaker) datum(dst []byte, t *schema.Type, depth int) []byte {
	if t.Logical != nil {
		if out, ok := m.logical(dst, t); ok {
			return out
		}
	}
	switch t.Kind {
	case schema.Boolean:
		return append(dst, byte(m.IntN(2)))
	case schema.Int:
		return AppendInt(dst, int32(m.Uint32())>>m.IntN(32))
	case schema.Long:
		return AppendLong(dst, m.integer())
	case schema.Float:
		return AppendFloat(dst, float32(m.NormFloat64()))
	case schema.Double:
		return AppendDouble(dst, m.NormFloat64()*math.MaxFloat32)
	case schema.Bytes:
		return AppendBytes(dst, m.bytes(m.IntN(20)))
	case schema.String:
		return AppendString(dst, m.text())
	case schema.Fixed:
		return append(dst, m.bytes(t.Size)...)
	case schema.Enum:
		return AppendInt(dst, m.Int32N(int32(len(t.Symbols))))
	case schema.Record:
		for _, f := range t.Fields {
			dst = m.datum(dst, f.Type, depth+1)
		}
	case schema.Array, schema.Map:
		return m.items(dst, t, depth)
	case schema.Union:
		i := m.IntN(len(t.Branches))
		if depth > randomDepth {
			i = m.shallowest(t)
		}
		return m.datum(AppendInt(dst, int32(i)), t.Branches[i], depth+1)
	}
	return dst
}

func (m *randomMaker) items(dst []byte, t *schema.Type, depth int) []byte {
	n := 0
	if depth <= randomDepth {
		n = m.IntN(4)
	}
	if n > 0 {
		dst = AppendBlock(dst, n)
	}
	for i := range n {
		if t.Kind == schema.Map {
			dst = AppendString(dst, m.text()+string(rune('a'+i))) // no key twice
		}
		dst = m.datum(dst, t.Items, depth+1)
	}
	return AppendEnd(dst)
}

// logical makes a value of a logical type; false if any value of the type below it is one.
func (m *randomMaker) logical(dst []byte, t *schema.Type) ([]byte, bool) {
	switch t.Logical.Name {
	case "date":
		return AppendInt(dst, int32(m.Uint32())>>(8+m.IntN(24))), true
	case "time-millis":
		return AppendInt(dst, m.Int32N(86_400_000)), true
	case "time-micros":
		return AppendLong(dst, m.Int64N(86_400_000_000)), true
	case "timestamp-millis", "timestamp-micros", "local-timestamp-millis", "local-timestamp-micros":
		return AppendLong(dst, m.integer()>>12), true
	case "decimal":
		return m.decimal(dst, t), true
	case "big-decimal":
		return AppendBigDecimal(dst, NewDecimal(m.integer(), m.IntN(10))), true
	case "uuid":
		if t.Kind == schema.String {
			return AppendUUID(dst, UUID(m.bytes(16))), true
		}
	}
	return dst, false
}

func (m *randomMaker) decimal(dst []byte, t *schema.Type) []byte {
	v := m.integer()
	if p := t.Logical.Precision; p < 19 {
		v %= int64(powers[p])
	}
	d := NewDecimal(v, t.Logical.Scale)
	if t.Kind == schema.Bytes {
		return d.appendTwos(AppendLong(dst, int64(d.size())), d.size())
	}
	for d.size() > t.Size {
		d.small /= 256
	}
	return d.appendTwos(dst, t.Size)
}

// shallowest returns the position of a branch that has a value of the fewest levels.
func (m *randomMaker) shallowest(t *schema.Type) int {
	least := slices.MinFunc(t.Branches, func(a, b *schema.Type) int { return m.height(a) - m.height(b) })
	return slices.Index(t.Branches, least)
}

// endless is the height of a type without a value that ends.
const endless = 1 << 30

// height returns how many levels the least deep value of a type has.
func (m *randomMaker) height(t *schema.Type) int {
	switch t.Kind {
	case schema.Record:
		if m.heights == nil {
			m.measure()
		}
		return m.heights[t]
	case schema.Union:
		least := endless
		for _, b := range t.Branches {
			least = min(least, m.height(b))
		}
		return least
	}
	return 0
}

// measure computes the heights of all records: all begin as endless, and fall until they no longer do.
func (m *randomMaker) measure() {
	m.heights = map[*schema.Type]int{}
	var records []*schema.Type
	m.root.Walk(func(t *schema.Type) bool {
		if t.Kind == schema.Record {
			records = append(records, t)
			m.heights[t] = endless
		}
		return true
	})
	for fell := true; fell; {
		fell = false
		for _, t := range records {
			h := 0
			for _, f := range t.Fields {
				h = max(h, m.height(f.Type))
			}
			if h < endless && h+1 < m.heights[t] {
				m.heights[t], fell = h+1, true
			}
		}
	}
}

func (m *randomMaker) integer() int64 { return int64(m.Uint64()) >> m.IntN(64) }

func (m *randomMaker) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}

func (m *randomMaker) text() string {
	const letters = "aZ0 _\"\\é世😀"
	runes := []rune(letters)
	text := make([]rune, m.IntN(12))
	for i := range text {
		text[i] = runes[m.IntN(len(runes))]
	}
	return string(text)
}

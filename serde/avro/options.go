package avro

// DecodeOptions says how to decode. The zero value is the safe default: the bytes were written with the type's own
// schema, nothing aliases the input, strings are checked to be UTF-8, the default limits hold.
type DecodeOptions struct {
	// Writer is set when the bytes were written with another schema: the plan that projects them onto the type's own
	// schema. Nil means that they were written with it.
	Writer *Resolution

	// AliasInput lets decoded strings and byte slices point into src, without copying: src must then not change as
	// long as the value is in use. Otherwise src is copied once, at the first string or bytes, and the value's strings
	// share that copy: keeping one of them keeps the copy alive.
	AliasInput bool

	// SkipUTF8 accepts strings that are no valid UTF-8. The broker's contract and the encoders refuse such strings.
	SkipUTF8 bool

	// Limits bound what hostile bytes can cost.
	Limits Limits
}

// Limits bound what decoding may cost. A field that is zero means its default. A number of elements never needs a limit
// of its own where elements take bytes: a count that the remaining bytes cannot hold is refused.
type Limits struct {
	// MaxDepth is how many records that can contain themselves may lie inside each other.
	MaxDepth int
	// MaxZeroItems is how many items that take no bytes (nulls, empty records) the arrays of one datum may hold in all.
	MaxZeroItems int
	// MaxAlloc is how many bytes one datum's slices and maps may take in memory. Strings and bytes are not counted:
	// they take no more than the input.
	MaxAlloc int
}

// The default limits. The Validator, the Codec and a Resolution use the same ones, so what passes the broker's contract
// decodes.
const (
	DefaultMaxDepth     = 512
	DefaultMaxZeroItems = 1 << 16
	// DefaultMaxAlloc holds for inputs of up to 1 MiB; a longer one may take allocPerByte for each of its bytes.
	DefaultMaxAlloc = allocPerByte << 20

	allocPerByte = 256
)

func (l Limits) maxDepth() int {
	if l.MaxDepth > 0 {
		return l.MaxDepth
	}
	return DefaultMaxDepth
}

func (l Limits) maxZeroItems() int {
	if l.MaxZeroItems > 0 {
		return l.MaxZeroItems
	}
	return DefaultMaxZeroItems
}

func (l Limits) maxAlloc(input int) int {
	if l.MaxAlloc > 0 {
		return l.MaxAlloc
	}
	const most = int(^uint(0)>>1) / allocPerByte
	return max(DefaultMaxAlloc, min(input, most)*allocPerByte)
}

package record

// Compression is how a batch's records are compressed.
type Compression uint8

// The compressions and their numbers in the attributes.
const (
	None Compression = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

// String returns Kafka's name for the compression (compression.type).
func (c Compression) String() string {
	switch c {
	case None:
		return "none"
	case Gzip:
		return "gzip"
	case Snappy:
		return "snappy"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	}
	return "unknown"
}

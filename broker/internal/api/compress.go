package api

import (
	"fmt"

	"github.com/typelog/typelog/broker/internal/record"
)

// compress returns the batch as its topic wants it in the log (compression.type). It comes after everything that can refuse
// the batch but its size, which is held against max.message.bytes before and after, as in Apache Kafka.
func (s *Server) compress(t *topic, b record.Batch, records *record.Records) (record.Batch, error) {
	to, ok := compressionOf(t.config.Compression)
	if !ok || b.Attributes().Compression() == to {
		return b, nil
	}
	out, err := s.Codecs.PackRecords(b, records, to, t.config.CompressionLevel)
	if err != nil {
		return nil, err
	}
	if len(out) > t.config.MaxMessageBytes {
		return nil, fmt.Errorf("%w: %d bytes once it is compressed as the topic wants it (%s), the limit (max.message.bytes) is %d",
			record.ErrTooLarge, len(out), t.config.Compression, t.config.MaxMessageBytes)
	}
	return out, nil
}

// compressionOf turns the config compression.type into a compression; ok is false for producer, which leaves batches alone.
func compressionOf(name string) (c record.Compression, ok bool) {
	switch name {
	case "uncompressed":
		return record.None, true
	case "gzip":
		return record.Gzip, true
	case "snappy":
		return record.Snappy, true
	case "lz4":
		return record.LZ4, true
	case "zstd":
		return record.Zstd, true
	}
	return record.None, false
}

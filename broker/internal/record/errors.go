package record

import "errors"

// Kinds of errors. Every error of this package wraps exactly one of them; api turns them into protocol codes.
var (
	// ErrCorrupt: the bytes are not what their header, CRC or compression says (Kafka code 2, CORRUPT_MESSAGE).
	ErrCorrupt = errors.New("corrupt batch")
	// ErrTooLarge: larger than the topic's max.message.bytes (10, MESSAGE_TOO_LARGE).
	ErrTooLarge = errors.New("batch too large")
	// ErrExpandsTooFar: its records decompress to more than is allowed (10).
	ErrExpandsTooFar = errors.New("batch decompresses to too much")
	// ErrUnsupportedMagic: not message format v2 (43, UNSUPPORTED_FOR_MESSAGE_FORMAT).
	ErrUnsupportedMagic = errors.New("unsupported message format")
	// ErrUnknownCompression: a compression that nobody has defined (76, UNSUPPORTED_COMPRESSION_TYPE).
	ErrUnknownCompression = errors.New("unknown compression")
	// ErrInvalid: well-formed, but not what a producer may send (87, INVALID_RECORD).
	ErrInvalid = errors.New("invalid batch")
	// ErrInvalidTimestamp: a timestamp or timestamp type that the topic does not take (32, INVALID_TIMESTAMP).
	ErrInvalidTimestamp = errors.New("invalid timestamp")
)

package avro

import "encoding"

// Strings that a Go type of the user's own stands for, by its text form.

// AppendMarshaled appends the text of v as a string, or returns dst and an *Error if it has none or that is no valid UTF-8.
func AppendMarshaled(dst []byte, v encoding.TextMarshaler) ([]byte, error) {
	text, err := v.MarshalText()
	if err != nil {
		return dst, valueError(err.Error())
	}
	if !validText(text) {
		return dst, notText()
	}
	return AppendBytes(dst, text), nil
}

// CheckMarshaled returns the *Error that AppendMarshaled would.
func CheckMarshaled(v encoding.TextMarshaler) error {
	_, err := AppendMarshaled(nil, v)
	return err
}

// Unmarshal reads a string and sets v from it. A text that v does not take is a fault of the bytes.
func (r *Reader) Unmarshal(v encoding.TextUnmarshaler) {
	start := r.pos
	text := r.String()
	if r.err != nil {
		return
	}
	if err := v.UnmarshalText([]byte(text)); err != nil {
		r.fail(ErrMalformed, start, err.Error())
	}
}

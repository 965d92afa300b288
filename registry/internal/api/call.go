package api

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/typelog/typelog/registry/internal/model"
)

// maxBody bounds a request's body in bytes. Schemas are bounded below that, by the rules.
const maxBody = 4 << 20

// call is one request on its way to a route's handler.
type call struct {
	*server
	request *http.Request
	writer  http.ResponseWriter
	kind    string // of the answer: its content type
	query   url.Values
	status  int
	caller  Caller // nil if anybody may do anything
}

// param is a part of the path, unescaped.
func (c *call) param(name string) string {
	value := chi.URLParam(c.request, name)
	if c.request.URL.RawPath == "" {
		return value // chi routed by the unescaped path
	}
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}

// within is the context of a /contexts/{context}/... path, or "".
func (c *call) within() string {
	if name := c.param("context"); name != "" {
		return model.ParseContext(name)
	}
	return ""
}

// subject is the subject that the path names, in the path's context; for /config and /mode without one it is what
// stands for the whole context.
func (c *call) subject() string { return c.inContext(c.param("subject")) }

// hint is the subject argument, in the path's context.
func (c *call) hint() string { return c.inContext(c.arg("subject")) }

func (c *call) inContext(subject string) string {
	if within := c.within(); within != "" {
		return string(model.Subject(subject).In(within))
	}
	return subject
}

func (c *call) args() url.Values {
	if c.query == nil {
		c.query = c.request.URL.Query()
	}
	return c.query
}

func (c *call) arg(name string) string { return c.args().Get(name) }

// flag is a boolean argument: only "true", in any case, is true.
func (c *call) flag(name string) bool { return strings.EqualFold(c.arg(name), "true") }

// filter reads deleted and deletedOnly.
func (c *call) filter() model.Filter {
	switch {
	case c.flag("deletedOnly"):
		return model.OnlyDeleted
	case c.flag("deleted"):
		return model.WithDeleted
	}
	return model.Live
}

// errNotFound is a number in an argument that is none: no route has such a value.
var errNotFound = errors.New("HTTP 404 Not Found")

// number reads a 32-bit integer as the path or query has it.
func number(text string) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, errNotFound
	}
	return int32(n), nil
}

// id is the schema id in the path.
func (c *call) id() (int32, error) { return number(c.param("id")) }

// version is the version in the path: a number from 1, or Latest.
func (c *call) version() (int32, error) { return versionNumber(c.param("version")) }

func versionNumber(text string) (int32, error) {
	plain := strings.TrimSpace(text)
	if strings.EqualFold(plain, "latest") {
		return model.Latest, nil
	}
	n, err := number(plain)
	if err == nil {
		text = strconv.Itoa(int(n))
	}
	if err != nil || n < model.Latest || n == 0 {
		return 0, model.Errorf(model.InvalidVersion, "The specified version '%s' is not a valid version id. "+
			`Allowed values are between [1, 2^31-1] and the string "latest"`, text)
	}
	return n, nil
}

// page cuts a list by the arguments offset and limit; a limit that is not positive is none.
func page[T any](c *call, list []T) ([]T, error) {
	offset, limit, err := c.window()
	if err != nil {
		return nil, err
	}
	list = list[min(len(list), max(0, offset)):]
	if limit > 0 && limit < len(list) {
		list = list[:limit]
	}
	return list, nil
}

// window reads the arguments offset and limit.
func (c *call) window() (offset, limit int, err error) {
	for name, to := range map[string]*int{"offset": &offset, "limit": &limit} {
		if text := c.arg(name); text != "" {
			n, err := number(text)
			if err != nil {
				return 0, 0, err
			}
			*to = int(n)
		}
	}
	return offset, limit, nil
}

// The content types that the registry speaks.
const (
	typeV1      = "application/vnd.schemaregistry.v1+json"
	typePlain   = "application/vnd.schemaregistry+json"
	typeJSON    = "application/json"
	typeOctets  = "application/octet-stream"
	contentType = "Content-Type"
)

// negotiate chooses the content type of the answer, or "" if the client takes none that there is.
func negotiate(accept []string) string {
	if strings.TrimSpace(strings.Join(accept, "")) == "" {
		return typeV1
	}
	best, bestQ := "", 0.0
	for entry := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, params, err := mime.ParseMediaType(entry)
		if err != nil {
			continue
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		switch media {
		case "*/*", "application/*":
			media = typeV1
		case typeV1, typePlain, typeJSON:
		default:
			continue
		}
		if q > bestQ {
			best, bestQ = media, q
		}
	}
	return best
}

// acceptsBody answers requests whose body has a type that is none or not known.
func (c *call) acceptsBody() bool {
	header, given := c.request.Header[contentType]
	if !given {
		return true
	}
	media, _, err := mime.ParseMediaType(header[0])
	switch {
	case err != nil || !strings.Contains(media, "/"):
		c.status = http.StatusBadRequest
		c.kind = typeJSON
		c.write(errorBody{Code: http.StatusBadRequest, Message: "Bad Request"})
		return false
	case !slices.Contains([]string{typeV1, typePlain, typeJSON, typeOctets}, media):
		c.status = http.StatusUnsupportedMediaType
		c.write(errorBody{Code: c.status, Message: "HTTP 415 Unsupported Media Type"})
		return false
	}
	return true
}

// body reads the body as JSON. what names it in errors.
func (c *call) body(what request) (*value, error) {
	text, err := io.ReadAll(http.MaxBytesReader(c.writer, c.request.Body, maxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return nil, model.Errorf(model.SchemaTooLarge, "The request has more than %d bytes", maxBody)
	}
	if err != nil {
		return nil, badRequest("The body could not be read: %v", err)
	}
	v, err := parse(bytes.TrimPrefix(text, []byte("\uFEFF")), what.class)
	if err != nil {
		return nil, err
	}
	if v == nil || v.kind == null {
		return nil, &statusError{http.StatusUnprocessableEntity, http.StatusUnprocessableEntity,
			what.argument + " must not be null (was null)"}
	}
	return v, nil
}

// request is what a body is called in the error messages that clients know.
type request struct{ class, argument string }

func (c *call) fail(err error) {
	status, body := describe(err)
	c.status = status
	if status >= http.StatusInternalServerError {
		c.options.Log.Error("registry: request failed", slog.String("method", c.request.Method),
			slog.String("path", c.request.URL.Path), slog.Any("error", err), slog.Any("cause", errors.Unwrap(err)))
	}
	c.write(body)
}

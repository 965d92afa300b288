package api

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/typelog/typelog/registry/internal/model"
)

// code is a status with the registry's own error code.
type code struct{ status, code int }

// codes is the one table of refusals.
func codes(k model.Kind) code {
	switch k {
	case model.SubjectNotFound:
		return code{404, 40401}
	case model.VersionNotFound:
		return code{404, 40402}
	case model.SchemaNotFound:
		return code{404, 40403}
	case model.SubjectSoftDeleted:
		return code{404, 40404}
	case model.SubjectNotSoftDeleted:
		return code{404, 40405}
	case model.VersionSoftDeleted:
		return code{404, 40406}
	case model.VersionNotSoftDeleted:
		return code{404, 40407}
	case model.NoSubjectConfig:
		return code{404, 40408}
	case model.NoSubjectMode:
		return code{404, 40409}
	case model.Incompatible:
		return code{409, 40901}
	case model.InvalidSchema:
		return code{422, 42201}
	case model.InvalidVersion:
		return code{422, 42202}
	case model.InvalidLevel:
		return code{422, 42203}
	case model.InvalidMode:
		return code{422, 42204}
	case model.NotPermitted:
		return code{422, 42205}
	case model.Referenced:
		return code{422, 42206}
	case model.IDMismatch:
		return code{422, 42207}
	case model.InvalidSubject:
		return code{422, 42208}
	case model.SchemaTooLarge:
		return code{422, 42209}
	case model.InvalidRuleSet:
		return code{422, 42210}
	case model.InvalidImport:
		return code{400, 400}
	case model.ContextNotEmpty:
		return code{422, 42211}
	case model.Forbidden:
		return code{403, 40301}
	case model.StoreFailed:
		return code{500, 50001}
	case model.StoreTimeout:
		return code{500, 50002}
	}
	return code{500, 500}
}

// errorBody is an error as clients read it.
type errorBody struct {
	Code              int                     `json:"error_code"`
	Message           string                  `json:"message"`
	Incompatibilities []model.Incompatibility `json:"incompatibilities,omitempty"`
}

// statusError is an error of HTTP or of the body's form.
type statusError struct {
	status, code int
	message      string
}

func (e *statusError) Error() string { return e.message }

func badRequest(format string, args ...any) error {
	return &statusError{http.StatusBadRequest, http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// describe translates an error.
func describe(err error) (int, errorBody) {
	if refusal := (*model.Error)(nil); errors.As(err, &refusal) {
		c := codes(refusal.Kind)
		return c.status, errorBody{c.code, refusal.Message, refusal.Reasons}
	}
	if form := (*statusError)(nil); errors.As(err, &form) {
		return form.status, errorBody{Code: form.code, Message: form.message}
	}
	if errors.Is(err, errNotFound) {
		return http.StatusNotFound, errorBody{Code: http.StatusNotFound, Message: errNotFound.Error()}
	}
	return http.StatusInternalServerError, errorBody{Code: http.StatusInternalServerError, Message: "Internal Server Error"}
}

// bare answers for the HTTP layer itself: without a content type.
func bare(w http.ResponseWriter, status int) {
	w.Header()[contentType] = nil
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error_code":%d,"message":"HTTP %d %s"}`, status, status, http.StatusText(status))
}

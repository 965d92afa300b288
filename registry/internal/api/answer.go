package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/typelog/typelog/registry/internal/model"
)

// text is an answer that is written as it is.
type text string

// nothing is the answer 204.
type nothing struct{}

// answer writes a handler's answer.
func (c *call) answer(a any) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	if _, ok := a.(nothing); ok {
		c.status = http.StatusNoContent
		c.writer.WriteHeader(c.status)
		return
	}
	if s, ok := a.(stream); ok {
		c.send(s)
		return
	}
	c.write(a)
}

func (c *call) write(a any) {
	var body []byte
	switch a := a.(type) {
	case text:
		body = []byte(a)
	case []byte:
		body = a
	default:
		body = encode(a)
	}
	h := c.writer.Header()
	h[contentType] = []string{c.kind}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	c.writer.WriteHeader(c.status)
	if c.request.Method != http.MethodHead {
		c.writer.Write(body)
	}
}

// encode prints JSON without HTML's escapes.
func encode(a any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(a); err != nil {
		// Only types of ours come here, and they all print.
		return []byte(`{"error_code":500,"message":"Internal Server Error"}`)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// optionsHandler answers OPTIONS with the methods in the order that clients of the original have seen.
func optionsHandler(allowed []string) http.Handler {
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	allowed = append(allowed, http.MethodOptions)
	var list []string
	for _, m := range []string{"HEAD", "DELETE", "POST", "GET", "OPTIONS", "PUT"} {
		if slices.Contains(allowed, m) {
			list = append(list, m)
		}
	}
	all := strings.Join(list, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", all)
		w.Header().Set(contentType, "text/plain")
		w.Write([]byte(all))
	})
}

// reference is a reference as clients read it.
type reference struct {
	Name    string `json:"name,omitempty"`
	Subject string `json:"subject"`
	Version int32  `json:"version"`
}

// entity is a version as clients read it. Which members are there depends on the route.
type entity struct {
	Subject    *model.Subject  `json:"subject,omitempty"`
	ID         *int32          `json:"id,omitempty"`
	Version    *int32          `json:"version,omitempty"`
	GUID       string          `json:"guid,omitempty"`
	SchemaType model.Type      `json:"schemaType,omitempty"`
	References []reference     `json:"references,omitempty"`
	Metadata   *model.Metadata `json:"metadata,omitempty"`
	Rules      *model.RuleSet  `json:"ruleSet,omitempty"`
	Schema     string          `json:"schema,omitempty"`
	SchemaTags []model.Tagged  `json:"schemaTags,omitempty"`
	MaxID      *int32          `json:"maxId,omitempty"`
	Time       *int64          `json:"ts,omitempty"`
	Deleted    *bool           `json:"deleted,omitempty"`
	Aliases    []string        `json:"aliases,omitempty"`
	Warnings   []model.Warning `json:"warnings,omitempty"`
}

// content is a schema without where it is registered.
func content(s *model.Schema) entity {
	e := entity{GUID: s.GUID.String(), SchemaType: s.Type, Metadata: s.Metadata, Rules: s.Rules, Schema: s.Text}
	for _, r := range s.References {
		e.References = append(e.References, reference(r))
	}
	return e
}

// dated adds when a version was registered and whether it is deleted.
func (e entity) dated(v *model.Version) entity {
	e.Time, e.Deleted = &v.Time, &v.Deleted
	return e
}

// full is a version with everything about it.
func full(v *model.Version) entity {
	e := content(v.Schema).dated(v)
	e.Subject, e.ID, e.Version = &v.Subject, &v.ID, &v.Number
	return e
}

// of is a version as routes by id tell it: without the id.
func of(v *model.Version) entity {
	e := content(v.Schema).dated(v)
	e.Subject, e.Version = &v.Subject, &v.Number
	return e
}

// older leaves out what the answers of version 7 did not have.
func (e entity) older() entity {
	e.GUID, e.Time, e.Deleted = "", nil, nil
	if e.SchemaType == model.Avro {
		e.SchemaType = ""
	}
	if e.ID == nil { // by id
		e.Subject, e.Version = nil, nil
	}
	return e
}

// shaped applies the arguments that change how a schema is shown: format=resolved writes its references out,
// referenceFormat=qualified names their subjects with their contexts, findTags lists the tagged parts.
func (c *call) shaped(v *model.Version, e entity) (entity, error) {
	if c.options.Compat == 7 {
		e = e.older()
	}
	if c.request.URL.RawQuery == "" {
		return e, nil
	}
	if c.arg("format") == "resolved" {
		text, err := c.service.ResolvedText(v)
		if err != nil {
			return e, err
		}
		e.Schema = text
	}
	if wanted := c.args()["findTags"]; len(wanted) > 0 {
		tags, err := c.service.Tags(v, wanted)
		if err != nil {
			return e, err
		}
		e.SchemaTags = tags
	}
	if strings.EqualFold(c.arg("referenceFormat"), "qualified") {
		for i, r := range e.References {
			e.References[i].Subject = string(model.ParseSubject(string(model.Subject(r.Subject).In(v.Subject.Context()))))
		}
		if e.ID != nil {
			// These routes tell the guid of what they show, those by id or guid the one that was asked for.
			shown := *v.Schema
			shown.References = make([]model.Reference, len(e.References))
			for i, r := range e.References {
				shown.References[i] = model.Reference(r)
			}
			if e.GUID != "" {
				e.GUID = shown.Fingerprint().String()
			}
		}
	}
	return e, nil
}

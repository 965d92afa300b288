package codegen

import (
	"go/token"
	"strings"
	"unicode"
)

// initialisms are the words that Go code writes in one case, as the Go project's style does.
var initialisms = map[string]string{
	"acl": "ACL", "api": "API", "arn": "ARN", "ascii": "ASCII", "cpu": "CPU", "css": "CSS", "db": "DB", "dns": "DNS",
	"eof": "EOF", "guid": "GUID", "html": "HTML", "http": "HTTP", "https": "HTTPS", "id": "ID", "ids": "IDs",
	"ip": "IP", "json": "JSON", "os": "OS", "qps": "QPS", "ram": "RAM", "rpc": "RPC", "sid": "SID", "sla": "SLA",
	"smtp": "SMTP", "sql": "SQL", "ssh": "SSH", "tcp": "TCP", "tls": "TLS", "ttl": "TTL", "udp": "UDP", "ui": "UI",
	"uid": "UID", "uri": "URI", "url": "URL", "utf8": "UTF8", "uuid": "UUID", "vm": "VM", "xml": "XML",
}

// exported returns the exported Go identifier for an Avro name: "user_id", "userId" and "UserID" all give UserID.
func exported(name string) string {
	var b strings.Builder
	for _, word := range words(name) {
		if whole, ok := initialisms[strings.ToLower(word)]; ok {
			word = whole
		}
		first, rest := splitRune(word)
		last := b.String()
		if last != "" && isDigit(last[len(last)-1]) && unicode.IsDigit(first) {
			b.WriteByte('_') // v1_2 and v12 stay apart
		}
		b.WriteRune(unicode.ToUpper(first))
		b.WriteString(rest)
	}
	return exportable(b.String())
}

// exportedSymbol returns the part of a constant's name that an enum's symbol gives: "LOGIN_FAILED" is LoginFailed.
func exportedSymbol(symbol string) string {
	if strings.ToUpper(symbol) == symbol {
		symbol = strings.ToLower(symbol)
	}
	return strings.TrimPrefix(exported("A_"+symbol), "A")
}

// words splits a name at underscores and where its letters change case: "recordedAtUTC" is recorded, At, UTC.
func words(name string) []string {
	var out []string
	for part := range strings.SplitSeq(name, "_") {
		runes := []rune(part)
		start := 0
		for i := 1; i < len(runes); i++ {
			lowerToUpper := !unicode.IsUpper(runes[i-1]) && unicode.IsUpper(runes[i])
			// The S of "HTTPServer": an upper-case letter before a lower-case one begins a word. The plural of an
			// initialism ("IDs") does not.
			acronymEnds := i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsUpper(runes[i]) &&
				unicode.IsLower(runes[i+1]) && !(i+2 == len(runes) && runes[i+1] == 's')
			if lowerToUpper || acronymEnds {
				out = append(out, string(runes[start:i]))
				start = i
			}
		}
		if start < len(runes) {
			out = append(out, string(runes[start:]))
		}
	}
	return out
}

// exportable makes an identifier of s that other packages can see: Go exports only what begins with an upper-case
// letter, and an Avro name may begin with a digit after underscores, or with a letter of a script without case.
func exportable(s string) string {
	first, _ := splitRune(s)
	if !unicode.IsUpper(first) {
		return "X" + s
	}
	return s
}

// packageName makes a Go package name of the last part of a namespace. Keywords, and names that Go gives a meaning to,
// get something after them.
func packageName(namespace string) string {
	name := strings.ToLower(strings.ReplaceAll(lastPart(namespace), "_", ""))
	if !token.IsIdentifier(name) || name == "main" || name == "init" {
		return name + "avro"
	}
	return name
}

// lastPart returns what follows the last dot of a namespace or full name.
func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func splitRune(s string) (rune, string) {
	for i, r := range s {
		if i == 0 {
			n := len(string(r))
			return r, s[n:]
		}
	}
	return 0, ""
}

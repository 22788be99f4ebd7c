package golden

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Transcript is what happened on a cluster, real or simulated, while the steps of a scenario were carried out. All
// times count from the beginning of the first step.
type Transcript struct {
	// Name is the scenario's, and that of the namespace it acts in.
	Name string
	// Began is the wall clock's time when the first step began.
	Began    time.Time
	Steps    []Step
	Changes  []Change
	Requests []Request
	// Final are the objects at the end.
	Final []Object
}

// Object is an object's JSON.
type Object map[string]any

// Change is one event of a watch.
type Change struct {
	At       time.Duration
	Revision uint64
	Type     string // ADDED, MODIFIED, DELETED
	Object   Object
}

// Request is one completed write request, without its body.
type Request struct {
	At time.Duration
	// Client is the user, without the prefix of service accounts, and the user agent's first word.
	Client                                      string
	Verb, Resource, Subresource, Namespace, URI string
	// About is the name of the object, or for an Event that of the object that it is about, or of a pod's owner.
	About string
	Code  int
}

// Load reads the recording in a folder.
func Load(folder string) (*Transcript, error) {
	t := &Transcript{Name: filepath.Base(folder)}
	var problems []error
	read := func(file string, parse func([]byte) error) {
		data, err := os.ReadFile(filepath.Join(folder, file))
		if err == nil {
			err = parse(data)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", filepath.Join(folder, file), err))
		}
	}
	read("steps.txt", t.readSteps)
	read("watch.jsonl", t.readWatch)
	read("audit.jsonl", t.readAudit)
	read("out.yaml", t.readFinal)
	return t, errors.Join(problems...)
}

// eachLine decodes a file of one JSON value a line.
func eachLine[T any](data []byte, fn func(T) error) error {
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 16<<20) // A line holds a whole object.
	for n := 1; lines.Scan(); n++ {
		var value T
		if err := json.Unmarshal(lines.Bytes(), &value); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := fn(value); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// readWatch takes over the changes; the recorder also wrote down when each step began, more exactly than steps.txt.
func (t *Transcript) readWatch(data []byte) error {
	type line struct {
		T      float64 `json:"t"`
		Type   string  `json:"type"`
		Object Object  `json:"object"`
	}
	step := 0
	return eachLine(data, func(l line) error {
		if l.Type == "STEP" {
			if step >= len(t.Steps) || t.Steps[step].Name != l.Object.Name() {
				return fmt.Errorf("step %q is not number %d of steps.txt", l.Object.Name(), step)
			}
			t.Steps[step].At = seconds(l.T)
			step++
			return nil
		}
		t.Changes = append(t.Changes, Change{At: seconds(l.T), Revision: api.ParseRV(l.Object.text("metadata", "resourceVersion")), Type: l.Type, Object: l.Object})
		return nil
	})
}

// readAudit takes over the requests. Their times are of day; the first is that of the first step's first write, which
// the watch saw as the first change.
func (t *Transcript) readAudit(data []byte) error {
	type line struct {
		T    time.Time `json:"t"`
		User string    `json:"user"`
		UA   string    `json:"ua"`
		Verb string    `json:"verb"`
		URI  string    `json:"uri"`
		Code int       `json:"code"`
		Req  any       `json:"req"`
	}
	return eachLine(data, func(l line) error {
		if t.Began.IsZero() {
			t.Began = l.T
			if len(t.Changes) > 0 {
				t.Began = l.T.Add(-t.Changes[0].At)
			}
		}
		r, err := requestOf(l.User, l.UA, l.Verb, l.URI, l.Code)
		if body, ok := l.Req.(map[string]any); ok {
			r.note(body)
		}
		r.At = l.T.Sub(t.Began)
		t.Requests = append(t.Requests, r)
		return err
	})
}

// requestOf makes a Request of what an audit log says.
func requestOf(user, agent, verb, uri string, code int) (Request, error) {
	r := Request{Client: strings.TrimPrefix(user, "system:serviceaccount:kube-system:"), Verb: verb, URI: uri, Code: code}
	agent, _, _ = strings.Cut(agent, " ")
	if name, _, _ := strings.Cut(agent, "/"); name != strings.TrimPrefix(user, "system:") {
		r.Client += " (" + agent + ")"
	}
	path, _, _ := strings.Cut(uri, "?")
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		parts = parts[3:]
	default:
		return r, fmt.Errorf("%s is no path of a resource", uri)
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		r.Namespace, parts = parts[1], parts[2:]
		if parts[0] == "status" || parts[0] == "finalize" {
			// Subresources of the namespace itself.
			parts = []string{"namespaces", r.Namespace, parts[0]}
		}
	}
	r.Resource = parts[0]
	if len(parts) > 1 {
		r.About = parts[1]
	}
	if len(parts) > 2 {
		r.Subresource = parts[2]
	}
	if r.Resource == "namespaces" && len(parts) > 1 {
		r.Namespace = parts[1]
	}
	return r, nil
}

// note takes what a request is about from its body, where the path does not say.
func (r *Request) note(body Object) {
	if r.About != "" {
		return
	}
	_, owner := body.owner()
	r.About = cmp.Or(body.text("involvedObject", "name"), body.text("regarding", "name"), owner, body.Name())
}

// readFinal takes over the objects at the end: documents, some of which are lists.
func (t *Transcript) readFinal(data []byte) error {
	documents, err := api.Documents(data)
	if err != nil {
		return err
	}
	for _, document := range documents {
		var o Object
		if err := yaml.Unmarshal(document, &o); err != nil {
			return err
		}
		items, isList := o["items"].([]any)
		if !isList {
			items = []any{map[string]any(o)}
		}
		for _, item := range items {
			if object, ok := item.(map[string]any); ok {
				t.Final = append(t.Final, object)
			}
		}
	}
	return nil
}

// operator is who gives the commands.
const operator = "kubernetes-admin"

// writes are when the operator's write requests of a step came in, from its beginning.
func (t *Transcript) writes(step int) []time.Duration {
	var all []time.Duration
	for _, r := range t.Requests {
		if strings.HasPrefix(r.Client, operator) && r.At >= t.Steps[step].At && r.At <= t.endOf(step) {
			all = append(all, r.At-t.Steps[step].At)
		}
	}
	slices.Sort(all)
	return all
}

// acted is when the first write request of a step came in, or when the step began if it made none: between the two
// kubectl was starting.
func (t *Transcript) acted(step int) time.Duration {
	if writes := t.writes(step); len(writes) > 0 {
		return t.Steps[step].At + writes[0]
	}
	return t.Steps[step].At
}

// endOf is when the next step begins; for the last one, never.
func (t *Transcript) endOf(step int) time.Duration {
	if step+1 < len(t.Steps) {
		return t.Steps[step+1].At - 1
	}
	return math.MaxInt64
}

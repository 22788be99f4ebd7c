package fairness

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Digest is what classification looks at.
type Digest struct {
	User        *api.User
	Verb        api.Verb
	Resource    *api.Resource
	Subresource string
	Namespace   string
}

// classifier finds a request's schema. The schemas of the defaults look at nothing of a request that its key below does
// not hold, so each combination is matched once.
type classifier struct {
	schemas []*Schema
	levels  map[string]*Level
	known   map[digestKey]match
	flows   map[flowKey]uint64
}

// match is a schema and its level, and the flow where that follows from the user alone.
type match struct {
	schema *Schema
	level  *Level
	flow   uint64
}

type digestKey struct {
	user        *api.User
	resource    *api.Resource
	subresource string
	verb        api.Verb
}

type flowKey struct {
	schema        *Schema
	distinguisher string
}

func newClassifier(schemas []Schema, levels map[string]*Level) *classifier {
	c := &classifier{levels: levels, known: map[digestKey]match{}, flows: map[flowKey]uint64{}}
	for i := range schemas {
		c.schemas = append(c.schemas, &schemas[i])
	}
	slices.SortStableFunc(c.schemas, func(a, b *Schema) int {
		return cmp.Or(cmp.Compare(a.Precedence, b.Precedence), cmp.Compare(a.Name, b.Name))
	})
	return c
}

// match returns the first schema that matches. What matches none belongs to catch-all, as upstream falls back.
func (c *classifier) match(d Digest) match {
	key := digestKey{user: d.User, resource: d.Resource, subresource: d.Subresource, verb: d.Verb}
	if m, ok := c.known[key]; ok {
		return m
	}
	i := slices.IndexFunc(c.schemas, func(s *Schema) bool { return s.matches(d) })
	if i < 0 {
		i = len(c.schemas) - 1
	}
	if len(c.known) >= maxKnown {
		clear(c.known) // Somebody makes a new user for each request.
	}
	m := match{schema: c.schemas[i], level: c.levels[c.schemas[i].Level]}
	if m.schema.Distinguisher != ByNamespace {
		m.flow = c.flow(m.schema, d)
	}
	c.known[key] = m
	return m
}

// maxKnown bounds the memory of matches: far more combinations than a cluster's components make.
const maxKnown = 1 << 16

// flow returns the hash that deals the request into its level's queues.
func (c *classifier) flow(s *Schema, d Digest) uint64 {
	key := flowKey{schema: s}
	switch s.Distinguisher {
	case ByUser:
		key.distinguisher = userName(d.User)
	case ByNamespace:
		key.distinguisher = d.Namespace
	}
	if h, ok := c.flows[key]; ok {
		return h
	}
	h := hashFlow(s.Name, key.distinguisher)
	c.flows[key] = h
	return h
}

// hashFlow is upstream's flow identifier: the first 8 bytes of SHA-256 over name, a zero byte and distinguisher.
func hashFlow(schema, distinguisher string) uint64 {
	sum := sha256.Sum256([]byte(schema + "\x00" + distinguisher))
	return binary.LittleEndian.Uint64(sum[:8])
}

func (s *Schema) matches(d Digest) bool {
	return slices.ContainsFunc(s.Subjects, func(who Subject) bool { return who.includes(d.User) }) &&
		slices.ContainsFunc(s.Rules, func(r Rule) bool { return r.matches(d) })
}

func (r Rule) matches(d Digest) bool {
	resource := d.Resource.Name
	if d.Subresource != "" {
		resource += "/" + d.Subresource
	}
	return lists(r.Verbs, d.Verb.String()) && lists(r.Groups, d.Resource.Group) && lists(r.Resources, resource)
}

func lists(values []string, v string) bool {
	return slices.Contains(values, Wildcard) || slices.Contains(values, v)
}

const serviceAccountPrefix = "system:serviceaccount:"

// includes reports whether the subject covers the user. Groups that follow from the user's name hold even where a client
// does not list them: authentication adds them upstream.
func (s Subject) includes(u *api.User) bool {
	name := userName(u)
	switch s.Kind {
	case SubjectUser:
		return s.Name == Wildcard || s.Name == name
	case SubjectServiceAccounts:
		return strings.HasPrefix(name, serviceAccountPrefix+s.Name+":")
	}
	if u != nil && slices.Contains(u.Groups, s.Name) {
		return true
	}
	switch s.Name {
	case "system:authenticated":
		return name != anonymous
	case "system:unauthenticated":
		return name == anonymous
	case "system:serviceaccounts":
		return strings.HasPrefix(name, serviceAccountPrefix)
	case "system:nodes":
		return strings.HasPrefix(name, "system:node:")
	}
	return false
}

const anonymous = "system:anonymous"

func userName(u *api.User) string {
	if u == nil || u.Name == "" {
		return anonymous
	}
	return u.Name
}

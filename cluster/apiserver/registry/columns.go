package registry

import (
	"strconv"
	"strings"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"

	"k8s.io/apimachinery/pkg/util/duration"
)

// column is one column of what "kubectl get" prints. Wide columns are shown with "-o wide" only.
type column struct {
	name string
	wide bool
	cell func(obj api.Object, now time.Time) string
}

// Columns names the columns of the resource.
func (e *Entry) Columns(wide bool) []string {
	var names []string
	for _, c := range e.columns {
		if wide || !c.wide {
			names = append(names, c.name)
		}
	}
	return names
}

// Row prints a stored object as of now.
func (e *Entry) Row(obj api.Object, now time.Time, wide bool) []string {
	var cells []string
	for _, c := range e.columns {
		if wide || !c.wide {
			cells = append(cells, c.cell(obj, now))
		}
	}
	return cells
}

// text makes a column out of a function of one type.
func text[T any](name string, cell func(*T) string) column {
	return column{name: name, cell: func(o api.Object, _ time.Time) string { return cell(any(o).(*T)) }}
}

// number makes a column out of a number.
func number[T any, N ~int32 | ~int](name string, cell func(*T) N) column {
	return text(name, func(o *T) string { return strconv.FormatInt(int64(cell(o)), 10) })
}

// wideText is text that only wide output shows.
func wideText[T any](name string, cell func(*T) string) column {
	c := text(name, cell)
	c.wide = true
	return c
}

var (
	nameColumn = column{name: "NAME", cell: func(o api.Object, _ time.Time) string { return api.Meta(o).Name }}
	ageColumn  = column{name: "AGE", cell: func(o api.Object, now time.Time) string {
		return age(api.Meta(o).CreationTimestamp.Time, now)
	}}
	createdColumn = column{name: "CREATED AT", cell: func(o api.Object, _ time.Time) string {
		return api.Meta(o).CreationTimestamp.UTC().Format(time.RFC3339)
	}}

	nameAndAge     = []column{nameColumn, ageColumn}
	nameAndCreated = []column{nameColumn, createdColumn}
)

func age(since, now time.Time) string {
	if since.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(since))
}

func orNone(s string) string {
	if s == "" {
		return "<none>"
	}
	return s
}

// joinLabels prints labels or a selector as kubectl does: a=1,b=2.
func joinLabels(m map[string]string) string {
	var parts []string
	for _, k := range sortedKeys(m) {
		parts = append(parts, k+"="+m[k])
	}
	return orNone(strings.Join(parts, ","))
}

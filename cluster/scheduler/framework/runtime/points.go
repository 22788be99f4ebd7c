package runtime

import (
	"fmt"
	"slices"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// Points are the extension points at which a configuration enables and disables plugins, in the order in which a pod meets them.
func Points() []string {
	names := make([]string, len(points))
	for i, p := range points {
		names[i] = p.name
	}
	return names
}

// point is an extension point: which plugins have it, and how one is taken in.
type point struct {
	name string
	add  func(f *Framework, e Enabled) bool // false: the plugin doesn't have it
}

var points = []point{
	{"PreEnqueue", func(f *Framework, e Enabled) bool { return with(e, &f.preEnqueue) }},
	{"QueueSort", (*Framework).addQueueSort},
	{"PreFilter", (*Framework).addPreFilter},
	{"Filter", (*Framework).addFilter},
	{"PostFilter", func(f *Framework, e Enabled) bool { return with(e, &f.postFilter) }},
	{"PreScore", (*Framework).addPreScore},
	{"Score", (*Framework).addScore},
	{"Reserve", func(f *Framework, e Enabled) bool { return with(e, &f.reserve) }},
	{"Permit", func(f *Framework, e Enabled) bool { return with(e, &f.permit) }},
	{"PreBind", func(f *Framework, e Enabled) bool { return with(e, &f.preBind) }},
	{"Bind", func(f *Framework, e Enabled) bool { return with(e, &f.bind) }},
	{"PostBind", func(f *Framework, e Enabled) bool { return with(e, &f.postBind) }},
}

// with appends a plugin to the list of an extension point if it has that.
func with[T framework.Plugin](e Enabled, list *[]T) bool {
	p, ok := e.Plugin.(T)
	if ok {
		*list = append(*list, p)
	}
	return ok
}

func (f *Framework) addQueueSort(e Enabled) bool {
	p, ok := e.Plugin.(framework.QueueSortPlugin)
	if ok {
		f.queueSorts = append(f.queueSorts, p)
	}
	return ok
}

func (f *Framework) addPreFilter(e Enabled) bool {
	p, ok := e.Plugin.(framework.PreFilterPlugin)
	if ok {
		extensions, _ := e.Plugin.(framework.PreFilterExtensions)
		f.preFilters = append(f.preFilters, preFilter{f.id(e), p, extensions})
	}
	return ok
}

func (f *Framework) addFilter(e Enabled) bool {
	p, ok := e.Plugin.(framework.FilterPlugin)
	if ok {
		object, _ := e.Plugin.(framework.ObjectFilter)
		column, _ := e.Plugin.(framework.ColumnFilter)
		f.filters = append(f.filters, filter{f.id(e), p, object, column})
	}
	return ok
}

func (f *Framework) addPreScore(e Enabled) bool {
	p, ok := e.Plugin.(framework.PreScorePlugin)
	if ok {
		f.preScores = append(f.preScores, preScore{f.id(e), p})
	}
	return ok
}

func (f *Framework) addScore(e Enabled) bool {
	p, ok := e.Plugin.(framework.ScorePlugin)
	if ok {
		s := scorer{id: f.id(e), plugin: p, weight: max(e.Weight, 1)}
		s.object, _ = e.Plugin.(framework.ObjectScorer)
		s.column, _ = e.Plugin.(framework.ColumnScorer)
		s.normalize, _ = e.Plugin.(framework.ScoreNormalizer)
		f.scorers = append(f.scorers, s)
	}
	return ok
}

func (f *Framework) id(e Enabled) framework.PluginID { return f.names.ID(e.Plugin.Name()) }

// enableAll takes the plugins into their extension points.
func (f *Framework) enableAll() error {
	byName := map[string]Enabled{}
	for _, e := range f.config.Plugins {
		name := e.Plugin.Name()
		if _, twice := byName[name]; twice {
			return fmt.Errorf("plugin %q is enabled twice", name)
		}
		byName[name] = e
		f.names.ID(name) // numbered in the order given
	}
	for _, p := range points {
		if err := f.enableAt(p, byName); err != nil {
			return err
		}
	}
	return nil
}

// enableAt fills one extension point. First come the plugins that are enabled anyhow and named there again, in the order in which they are
// named; then the others that are enabled anyhow; then those that are only named there.
func (f *Framework) enableAt(p point, byName map[string]Enabled) error {
	named, disabled := f.config.Enabled[p.name], f.config.Disabled[p.name]
	everywhere := func(name string) bool {
		return !byName[name].Only && !slices.Contains(disabled, name) && !slices.Contains(disabled, "*")
	}
	var order []string
	for _, name := range named {
		if everywhere(name) {
			order = append(order, name)
		}
	}
	for _, e := range f.config.Plugins {
		if name := e.Plugin.Name(); everywhere(name) && !slices.Contains(named, name) {
			order = append(order, name)
		}
	}
	for _, name := range named {
		if !everywhere(name) {
			order = append(order, name)
		}
	}
	for i, name := range order {
		e, known := byName[name]
		switch {
		case !known:
			return fmt.Errorf("%s plugin %q does not exist", p.name, name)
		case slices.Contains(order[:i], name):
			return fmt.Errorf("plugin %q already registered as %q", name, p.name+"Plugin")
		case !(framework.Has(e.Plugin, p.name) && p.add(f, e)) && slices.Contains(named, name):
			return fmt.Errorf("plugin %q does not extend %s plugin", name, p.name+"Plugin")
		}
	}
	return nil
}

// At names the plugins of an extension point, in order; those of Score with their weights.
func (f *Framework) At(point string) []string {
	var names []string
	switch point {
	case "PreEnqueue":
		names = namesOf(f.preEnqueue)
	case "QueueSort":
		names = namesOf(f.queueSorts)
	case "PreFilter":
		for _, p := range f.preFilters {
			names = append(names, p.plugin.Name())
		}
	case "Filter":
		for _, p := range f.filters {
			names = append(names, p.plugin.Name())
		}
	case "PostFilter":
		names = namesOf(f.postFilter)
	case "PreScore":
		for _, p := range f.preScores {
			names = append(names, p.plugin.Name())
		}
	case "Score":
		for _, p := range f.scorers {
			names = append(names, fmt.Sprintf("%s*%d", p.plugin.Name(), p.weight))
		}
	case "Reserve":
		names = namesOf(f.reserve)
	case "Permit":
		names = namesOf(f.permit)
	case "PreBind":
		names = namesOf(f.preBind)
	case "Bind":
		names = namesOf(f.bind)
	case "PostBind":
		names = namesOf(f.postBind)
	}
	return names
}

func namesOf[T framework.Plugin](plugins []T) []string {
	names := make([]string, len(plugins))
	for i, p := range plugins {
		names[i] = p.Name()
	}
	return names
}

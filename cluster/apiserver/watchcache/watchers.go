package watchcache

import "slices"

// watchers holds the watchers of a cache by what can match them, in order of registration: a change touches the few lists
// that its namespace, name and index values name.
type watchers struct {
	all     []*Watcher
	scoped  map[scope]*[]*Watcher // by namespace, name or both
	indexed map[string]*[]*Watcher
	// How many distinct scopes of each shape exist, to skip look-ups that find nothing.
	byNamespace, byName, byBoth int
	count, last                 int
}

type scope struct{ namespace, name string }

func newWatchers() watchers {
	return watchers{scoped: map[scope]*[]*Watcher{}, indexed: map[string]*[]*Watcher{}}
}

func (ws *watchers) add(w *Watcher) {
	ws.count++
	switch {
	case w.byIndex:
		appendTo(ws.indexed, w.indexValue, w)
	case w.scope == scope{}:
		ws.all = append(ws.all, w)
	default:
		if appendTo(ws.scoped, w.scope, w) {
			*ws.shape(w.scope)++
		}
	}
}

func (ws *watchers) remove(w *Watcher) {
	ws.count--
	switch {
	case w.byIndex:
		removeFrom(ws.indexed, w.indexValue, w)
	case w.scope == scope{}:
		ws.all = without(ws.all, w)
	default:
		if removeFrom(ws.scoped, w.scope, w) {
			*ws.shape(w.scope)--
		}
	}
}

func (ws *watchers) shape(s scope) *int {
	switch {
	case s.name == "":
		return &ws.byNamespace
	case s.namespace == "":
		return &ws.byName
	}
	return &ws.byBoth
}

// each visits the watchers that a change of an object in this place can match.
func (ws *watchers) each(namespace, name string, visit func(*Watcher)) {
	if ws.byBoth > 0 {
		eachOf(ws.scoped[scope{namespace, name}], visit)
	}
	if ws.byNamespace > 0 && namespace != "" {
		eachOf(ws.scoped[scope{namespace: namespace}], visit)
	}
	if ws.byName > 0 {
		eachOf(ws.scoped[scope{name: name}], visit)
	}
	eachOf(&ws.all, visit)
}

// every visits all watchers, the indexed ones sorted by value.
func (ws *watchers) every() []*Watcher {
	out := slices.Clone(ws.all)
	for _, list := range ws.scoped { //sim:unordered sorted below
		out = append(out, *list...)
	}
	for _, list := range ws.indexed { //sim:unordered sorted below
		out = append(out, *list...)
	}
	slices.SortFunc(out, func(a, b *Watcher) int { return a.number - b.number })
	return out
}

func eachOf(list *[]*Watcher, visit func(*Watcher)) {
	if list == nil {
		return
	}
	for _, w := range *list {
		visit(w)
	}
}

// appendTo reports whether the key is new.
func appendTo[K comparable](m map[K]*[]*Watcher, key K, w *Watcher) bool {
	list := m[key]
	if list == nil {
		m[key] = &[]*Watcher{w}
		return true
	}
	*list = append(*list, w)
	return false
}

// removeFrom reports whether the key is gone.
func removeFrom[K comparable](m map[K]*[]*Watcher, key K, w *Watcher) bool {
	list := m[key]
	*list = without(*list, w)
	if len(*list) == 0 {
		delete(m, key)
		return true
	}
	return false
}

// without copies, since a dispatch may be walking the old list.
func without(list []*Watcher, w *Watcher) []*Watcher {
	i := slices.Index(list, w)
	return slices.Concat(list[:i], list[i+1:])
}

// number gives the watcher its place in the order of registration.
func (ws *watchers) number(w *Watcher) {
	ws.last++
	w.number = ws.last
}

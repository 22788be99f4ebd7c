package syncmap

import "sync"

var m sync.Map // want `syncmap: sync.Map`

package pool

import "sync"

var p sync.Pool // want `pool: sync.Pool`

package maphash

import _ "hash/maphash" // want `maphash: import of hash/maphash`

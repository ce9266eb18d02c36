-- expect: variable 'x' got a non-closable value
return function() local x <close> = {} end

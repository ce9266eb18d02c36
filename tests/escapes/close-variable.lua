-- expect: variable 'x' got a non-closable value
-- row: 16
return function() local x <close> = {} end

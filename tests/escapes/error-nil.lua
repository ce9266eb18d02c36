-- expect: the policy raised an error that is not a string
-- row: 22
return function() error(nil) end

-- expect: a policy has no `_G`
return function() return _G end

-- Shares one Pod of a team may hold. A module of its own, so that it can have its own owner in CODEOWNERS.
return {
  vision   = 8,
  speech   = 4,
  interns  = 2,
}

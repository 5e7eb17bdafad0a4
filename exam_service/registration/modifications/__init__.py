"""申请修改: a registered physician asks for a change, the institution decides."""

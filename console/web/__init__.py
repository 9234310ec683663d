"""What pages share: icons, template tags, forms from schemas, helpers of views."""

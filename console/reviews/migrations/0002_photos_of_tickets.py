import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_alter_apitoken_scope_alter_membership_role'),
        ('reviews', '0001_initial'),
    ]

    operations = [
        migrations.DeleteModel(name='Photo'),
        migrations.CreateModel(
            name='Photo',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ticket_key', models.CharField(max_length=300)),
                ('group_id', models.CharField(max_length=200)),
                ('number', models.PositiveIntegerField()),
                ('name', models.CharField(max_length=400)),
                ('sha256', models.CharField(max_length=64)),
                ('dhash', models.CharField(blank=True, max_length=16)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.project')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('project', 'group_id', 'sha256'), name='photo_of_group')],
            },
        ),
    ]
